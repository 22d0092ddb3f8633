package stream

import "context"

// Take returns a flow that emits the first n elements and then completes: the upstream is stopped, without waiting for another
// element, and that is not an error. With n = 0 the upstream is not run at all. Fused; it holds no element.
func Take[T any](n int) Flow[T, T] {
	if n < 0 {
		return invalid[T, T]("Take: %d elements; the count must not be negative", n)
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			if n == 0 {
				return nil
			}
			enough, left := new(stop), n
			return without(src.Each(ctx, func(v T) error {
				left--
				if err := emit(v); err != nil {
					return err
				}
				if left == 0 {
					return enough
				}
				return nil
			}), enough)
		})
	})
}
