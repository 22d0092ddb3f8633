package stream

import "context"

// ConcatMap returns a flow that runs, for each element, the source that f makes of it, one after the other, and emits what they
// emit. Fused; it holds no element. For several sources at once, see [MergeMap].
func ConcatMap[T, U any](f func(T) Source[U]) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("ConcatMap: the function is nil")
	}
	return fuse(func(ctx context.Context, emit func(U) error) func(T) error {
		inner := WithoutDrain(ctx) // they belong to an element that was taken
		return func(v T) error { return each(inner, f(v), emit) }
	})
}
