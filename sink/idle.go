package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Cancelled returns a sink that needs no element and completes at once. It does not run its
// upstream.
func Cancelled[T any]() stream.Sink[T, struct{}] {
	return stream.SinkFunc[T, struct{}](func(ctx context.Context, _ stream.Source[T]) (none struct{}, err error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return none, err
	})
}

// Never returns a sink that accepts no element: the first element blocks until the context is done.
// Without an element the run completes. Use it in tests of stages that wait for their downstream.
func Never[T any]() stream.Sink[T, struct{}] {
	return stream.SinkFunc[T, struct{}](func(ctx context.Context, src stream.Source[T]) (none struct{}, _ error) {
		return none, src.Each(ctx, func(T) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
	})
}
