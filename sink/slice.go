package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Slice returns a sink that returns all elements, in order. To use elements one by one without
// storing them, range over [stream.All].
//
//   - Result: with an error, the elements received so far.
//   - Memory: all elements. [stream.Limit] before it bounds them.
func Slice[T any]() stream.Sink[T, []T] {
	return stream.SinkFunc[T, []T](func(ctx context.Context, src stream.Source[T]) ([]T, error) {
		var xs []T
		if s, ok := src.(stream.SliceSource[T]); ok {
			err := s.EachSlice(ctx, func(part []T) error {
				xs = append(xs, part...)
				return nil
			})
			return xs, err
		}
		err := src.Each(ctx, func(x T) error {
			xs = append(xs, x)
			return nil
		})
		return xs, err
	})
}
