package stream

import "context"

// MapErr returns a flow that passes its elements on and replaces the error of its upstream by
// f(err). Use it to add context to the error, or to [Mark] it. f wraps its argument with %w, so
// that errors.Is and [ClassOf] still see the cause. If f returns nil, the run ends with the
// original error; to complete instead, use [CompleteOn].
//
// MapErr does not call f for errors of the downstream, for an early end, or when the context of the
// run is done.
func MapErr[T any](f func(error) error) Flow[T, T] {
	if f == nil {
		return invalid[T, T]("MapErr: the function is nil")
	}
	return mend(func(_ context.Context, err error, _ func(T) error) error {
		if e := f(err); e != nil {
			return e
		}
		return err
	})
}

// mend returns a flow that passes its elements on. If its upstream fails on its own, f decides how
// the run continues. Errors of the downstream, early ends and the end of the run's context pass
// unchanged.
func mend[T any](f func(ctx context.Context, err error, emit func(T) error) error) Flow[T, T] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		ownFailure, err := attempt(ctx, src, emit)
		if !ownFailure {
			return err
		}
		return f(ctx, err, emit)
	})
}
