package stream

import "context"

// Recover returns a flow that passes its elements on. If its upstream fails, it emits the last
// elements that f returns for the error, and completes. If f returns an error, which may be its
// argument, the run ends with that error and emits nothing more.
//
// Recover does not call f for errors of the downstream, for an early end, or when the context of
// the run is done.
func Recover[T any](f func(error) (last []T, err error)) Flow[T, T] {
	if f == nil {
		return invalid[T, T]("Recover: the function is nil")
	}
	return mend(func(ctx context.Context, err error, emit func(T) error) error {
		last, err := f(err)
		if err != nil {
			return err
		}
		for _, v := range last {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// RecoverWith returns a flow that passes its elements on. If its upstream fails, it continues with
// the source that f returns for the error, such as a replica. If that source fails too, it calls f
// again, up to n times in all; then the run ends with the last error. If f returns an error, which
// may be its argument, the run ends with that error.
//
// Elements emitted before the failure stay emitted. To continue where the upstream stopped, see
// [Restart]. RecoverWith does not call f for errors of the downstream, for an early end, or when
// the context of the run is done.
func RecoverWith[T any](n int, f func(error) (Source[T], error)) Flow[T, T] {
	switch {
	case n < 1:
		return invalid[T, T]("RecoverWith: %d other sources; it must be at least 1", n)
	case f == nil:
		return invalid[T, T]("RecoverWith: the function is nil")
	}
	return mend(func(ctx context.Context, err error, emit func(T) error) error {
		for range n {
			src, other := f(err)
			if other != nil {
				return other
			}
			var ownFailure bool
			if ownFailure, err = attempt(ctx, src, emit); !ownFailure {
				return err
			}
		}
		return err
	})
}
