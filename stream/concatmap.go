package stream

import "context"

// ConcatMap returns a flow that calls f for each element to get a source, runs these sources one
// after the other, and emits their elements. Fused; it holds no element. To run several sources at
// the same time, see [MergeMap].
func ConcatMap[T, U any](f func(T) Source[U]) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("ConcatMap: the function is nil")
	}
	return fuse(func(ctx context.Context, emit func(U) error) func(T) error {
		inner := WithoutDrain(ctx) // an inner source belongs to an element that was taken
		return func(v T) error { return each(inner, f(v), emit) }
	})
}
