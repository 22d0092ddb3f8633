package lend

import (
	"context"
	"io"

	"github.com/millweir/millweir/stream"
)

// Flow is like [stream.NewFlow], for a flow that can lend its chunks. If lent is true, the receiver
// uses a chunk only until emit returns.
func Flow[T any](f func(ctx context.Context, src stream.Source[T], emit func([]byte) error,
	lent bool) error,
) stream.Flow[T, []byte] {
	return stream.FlowFunc[T, []byte](func(src stream.Source[T]) stream.Source[[]byte] {
		return Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
			return f(ctx, src, emit, lent)
		})
	})
}

// Source adapts a function to a [stream.Source] that is also a [stream.Lender]. If lent is true,
// the receiver uses a chunk only until emit returns, so the function can reuse its memory.
type Source func(ctx context.Context, emit func([]byte) error, lent bool) error

// Each implements [stream.Source].
func (run Source) Each(ctx context.Context, emit func([]byte) error) error {
	return run(ctx, emit, false)
}

// WriteTo implements [stream.Lender].
func (run Source) WriteTo(ctx context.Context, w io.Writer) error {
	return run(ctx, To(w), true)
}
