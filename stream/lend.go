package stream

import (
	"context"
	"io"
)

// Lender is an optional interface of a source of byte chunks that can lend them. WriteTo does what
// Each does, but a chunk belongs to w only until its Write returns, so one buffer serves all
// chunks. Errors of w are returned unchanged. Stages that only pass chunks to a writer, or copy
// them, use it through [EachLent].
type Lender interface {
	WriteTo(ctx context.Context, w io.Writer) error
}

// EachLent runs src into take as Each does. take must not keep a chunk after it returns: if src is
// a [Lender], the memory of one chunk is reused for the next.
func EachLent(ctx context.Context, src Source[[]byte], take func([]byte) error) error {
	switch {
	case src == nil:
		return errNilSource
	case take == nil:
		return errNoTake
	}
	if l, ok := src.(Lender); ok {
		return l.WriteTo(ctx, taker(take))
	}
	return src.Each(ctx, take)
}

var errNoTake = errNilFunc("EachLent")

// taker adapts a function to the writer that a Lender needs.
type taker func(p []byte) error

func (t taker) Write(p []byte) (int, error) {
	if err := t(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
