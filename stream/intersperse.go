package stream

import "context"

// Intersperse returns a flow that emits separator between each two elements. For something before and after, see [Concat].
// Fused; it holds no element.
func Intersperse[T any](separator T) Flow[T, T] {
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		first := true
		return func(v T) error {
			if !first {
				if err := emit(separator); err != nil {
					return err
				}
			}
			first = false
			return emit(v)
		}
	})
}
