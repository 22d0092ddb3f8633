package stream

import "context"

// FlatMap returns a flow that calls f for each element and emits the elements of the returned
// slice, in order. Fused; it holds one slice. For output that does not fit into a slice, see
// [ConcatMap].
func FlatMap[T, U any](f func(T) []U) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("FlatMap: the function is nil")
	}
	return fuse(func(ctx context.Context, emit func(U) error) func(T) error {
		return func(v T) error {
			for i, u := range f(v) {
				if i > 0 && ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := emit(u); err != nil {
					return err
				}
			}
			return nil
		}
	})
}
