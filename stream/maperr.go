package stream

import "context"

// MapErr returns a flow that passes its elements on and ends with f of the error that its upstream failed with, to say what
// failed or to [Mark] it. f wraps the error, with %w, so that errors.Is and [ClassOf] still see it; where f returns nil, the run
// ends with the error as it was ([CompleteOn] completes instead).
//
// f is not asked about errors of the downstream, an early end, or the end of the whole run. Fused; it holds no element.
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

// mend returns a flow that passes its elements on and, when its upstream failed by itself, does what f does instead.
func mend[T any](f func(ctx context.Context, err error, emit func(T) error) error) Flow[T, T] {
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			own, err := attempt(ctx, src, emit)
			if !own {
				return err
			}
			return f(ctx, err, emit)
		})
	})
}
