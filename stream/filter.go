package stream

import "context"

// Filter returns a flow that emits the elements for which keep is true. Fused; it holds no element.
func Filter[T any](keep func(T) bool) Flow[T, T] {
	if keep == nil {
		return invalid[T, T]("Filter: the function is nil")
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] { return filtered[T]{src, keep} })
}

// filtered is src with a [Filter] applied. A following [Map] recognizes the type and fuses the two
// into one step.
type filtered[T any] struct {
	src  Source[T]
	keep func(T) bool
}

func (s filtered[T]) Each(ctx context.Context, emit func(T) error) error {
	keep := s.keep
	return s.src.Each(ctx, func(v T) error {
		if !keep(v) {
			return nil
		}
		return emit(v)
	})
}

// FilterMap returns a flow that calls f for each element and emits its result if f returns true.
// Fused; it holds no element.
func FilterMap[T, U any](f func(T) (U, bool)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("FilterMap: the function is nil")
	}
	return fuse(func(_ context.Context, emit func(U) error) func(T) error {
		return func(v T) error {
			u, ok := f(v)
			if !ok {
				return nil
			}
			return emit(u)
		}
	})
}
