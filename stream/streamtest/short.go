package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Short returns a flow that passes the first n elements and then completes, as if that were all: a stream that was cut where
// nobody noticed. A stage that knows what is missing (a trailer, a length, a count) must turn it into an error.
//
// It differs from [stream.Take] in that the upstream is not stopped early: it runs to its end, and the rest is lost.
func Short[T any](n int) stream.Flow[T, T] {
	return counted("Short", n, func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		left := n
		return src.Each(ctx, func(v T) error {
			if left == 0 {
				return nil
			}
			left--
			return emit(v)
		})
	})
}
