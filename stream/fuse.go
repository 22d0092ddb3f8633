package stream

import "context"

// fuse returns the flow whose runs handle each element by the function that handler returns for them.
func fuse[T, U any](handler func(ctx context.Context, emit func(U) error) func(T) error) Flow[T, U] {
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
			return src.Each(ctx, handler(ctx, emit))
		})
	})
}
