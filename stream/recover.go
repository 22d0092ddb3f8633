package stream

import "context"

// Recover returns a flow that passes its elements on and, when its upstream failed, emits the last elements that f makes of the
// error and completes. Where f returns an error, its argument or another, the run ends with that and nothing more is emitted.
//
// f is not asked about errors of the downstream, an early end, or the end of the whole run. Fused; it holds no element.
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

// RecoverWith returns a flow that passes its elements on and, when its upstream failed, goes on with the source that f makes of
// the error: a replica. When that fails too f is asked again, n times in all; then the run ends with the last error. Where f
// returns an error, its argument or another, the run ends with that.
//
// What was emitted before stays emitted; for a source that goes on where the other stopped see [Restart].
// f is not asked about errors of the downstream, an early end, or the end of the whole run. Fused; it holds no element.
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
			var own bool
			if own, err = attempt(ctx, src, emit); !own {
				return err
			}
		}
		return err
	})
}
