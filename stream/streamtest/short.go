package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Short returns a source that emits the first n elements of src and then completes, as if that were all: a stream that was cut
// where nobody noticed. A stage that knows what is missing (a trailer, a length, a count) must turn it into an error.
//
// It differs from [stream.Take] in that src is not stopped early: it runs to its end, and the rest is lost.
func Short[T any](src stream.Source[T], n int) stream.Source[T] {
	if n < 0 {
		return negative[T]("Short", n)
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
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
