package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Short returns a flow that passes the first n elements and then completes as if there were no
// more: a truncated stream. A stage that can detect missing data, by a trailer, a length or a
// count, must report an error.
//
// Unlike [stream.Take], it does not stop the upstream early: the upstream runs to its end, and the
// rest is dropped.
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
