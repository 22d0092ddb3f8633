package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Last returns a sink that returns the last element. Without an element the run ends with
// [ErrEmpty].
func Last[T any]() stream.Sink[T, T] {
	return Reduce(func(_, x T) T { return x })
}

// TakeLast returns a sink that returns the last n elements, in order, or all if there are fewer.
//
//   - Memory: n elements.
func TakeLast[T any](n int) stream.Sink[T, []T] {
	if n < 0 {
		return invalid[T, []T]("TakeLast: %d elements; the count must not be negative", n)
	}
	return stream.SinkFunc[T, []T](func(ctx context.Context, src stream.Source[T]) ([]T, error) {
		var ring []T
		oldest := 0
		err := src.Each(ctx, func(x T) error {
			switch {
			case len(ring) < n:
				ring = append(ring, x)
			case n > 0:
				ring[oldest] = x
				if oldest++; oldest == n {
					oldest = 0
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return append(ring[oldest:len(ring):len(ring)], ring[:oldest]...), nil
	})
}
