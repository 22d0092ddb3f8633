package stream

import "context"

// Filter returns a flow that emits the elements for which keep is true. Fused; it holds no element.
func Filter[T any](keep func(T) bool) Flow[T, T] {
	if keep == nil {
		return invalid[T, T]("Filter: the function is nil")
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			return src.Each(ctx, func(v T) error {
				if !keep(v) {
					return nil
				}
				return emit(v)
			})
		})
	})
}
