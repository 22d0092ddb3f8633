package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// First returns a sink that returns the first element. It stops the upstream after that element.
// Without an element the run ends with [ErrEmpty].
func First[T any]() stream.Sink[T, T] {
	one := stream.Take[T](1)
	return stream.SinkFunc[T, T](func(ctx context.Context, src stream.Source[T]) (T, error) {
		return Last[T]().Consume(ctx, one.Apply(src))
	})
}
