package sink

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// ForEach returns a sink that calls f with each element. An error of f ends the run and is returned
// unwrapped.
//
//   - Result: the number of calls that succeeded, also with an error.
func ForEach[T any](f func(context.Context, T) error) stream.Sink[T, int64] {
	if f == nil {
		return invalid[T, int64]("ForEach: the function is nil")
	}
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (n int64, _ error) {
		call := stream.WithoutDrain(ctx)
		err := src.Each(ctx, func(x T) error {
			if err := f(call, x); err != nil {
				return ending.Cause(ctx, err)
			}
			n++
			return nil
		})
		return n, err
	})
}

// Discard returns a sink that drops the elements.
//
//   - Result: the number of elements, also with an error.
func Discard[T any]() stream.Sink[T, int64] {
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (n int64, _ error) {
		err := src.Each(ctx, func(T) error {
			n++
			return nil
		})
		return n, err
	})
}
