package stream

import "context"

// fuse returns a flow that handles the elements of a run with the function that handler returns.
func fuse[T, U any](handler func(ctx context.Context, emit func(U) error) func(T) error) Flow[T, U] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		return src.Each(ctx, handler(ctx, emit))
	})
}
