package lend

import (
	"context"
	"io"
)

// Source is a stage's run as a source that is a stream.Lender too. If lent is true, what it emits is the receiver's only until
// emit returns, so that the run can use the memory again.
type Source func(ctx context.Context, emit func([]byte) error, lent bool) error

// Each implements stream.Source.
func (run Source) Each(ctx context.Context, emit func([]byte) error) error {
	return run(ctx, emit, false)
}

// WriteTo implements stream.Lender.
func (run Source) WriteTo(ctx context.Context, w io.Writer) error {
	return run(ctx, To(w), true)
}
