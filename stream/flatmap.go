package stream

import "context"

// FlatMap returns a flow that emits, for each element, the elements of the slice that f makes of it: none, one or many, in order.
// Fused; it holds one slice.
func FlatMap[T, U any](f func(T) []U) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("FlatMap: the function is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
			return src.Each(ctx, func(v T) error {
				for _, u := range f(v) {
					if err := emit(u); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
}
