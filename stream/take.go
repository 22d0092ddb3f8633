package stream

import "context"

// Take returns a flow that emits the first n elements and then completes. It stops the upstream
// without waiting for another element, and that is not an error. With n = 0 the upstream does not
// run at all.
func Take[T any](n int) Flow[T, T] {
	switch {
	case n < 0:
		return invalid[T, T]("Take: %d elements; the count must not be negative", n)
	case n == 0:
		return FlowFunc[T, T](func(Source[T]) Source[T] { return Fail[T](nil) })
	}
	return fuseStop(func(_ context.Context, enough error, emit func(T) error) func(T) error {
		left := n
		return func(v T) error {
			left--
			if err := emit(v); err != nil {
				return err
			}
			if left == 0 {
				return enough
			}
			return nil
		}
	})
}
