package sink

import (
	"context"
	"errors"

	"github.com/millweir/millweir/stream"
)

// ForEach returns a sink that calls f with each element and whose result is how many f took. An error of f ends the run, as it is.
func ForEach[T any](f func(context.Context, T) error) stream.Sink[T, int64] {
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (int64, error) {
		if f == nil {
			return 0, errors.New("sink: ForEach: the function is nil")
		}
		var n int64
		err := src.Each(ctx, func(x T) error {
			if err := f(ctx, x); err != nil {
				return err
			}
			n++
			return nil
		})
		return n, err
	})
}

// Discard returns a sink that forgets the elements and whose result is how many there were.
func Discard[T any]() stream.Sink[T, int64] {
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (int64, error) {
		var n int64
		err := src.Each(ctx, func(T) error { n++; return nil })
		return n, err
	})
}
