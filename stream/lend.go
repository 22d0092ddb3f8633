package stream

import (
	"context"
	"io"
)

// Lender is what a source of byte chunks may be, too: one that can lend them. WriteTo does what Each does, but a chunk is w's only
// until its Write returns, so that one buffer serves for all. Errors of w come back as they are. Stages that only pass chunks on
// to a writer, or copy them, ask for it by [EachLent].
type Lender interface {
	WriteTo(ctx context.Context, w io.Writer) error
}

// EachLent runs src into take as Each does. take must be done with a chunk when it returns: where src is a [Lender], the memory
// of one chunk is used for the next.
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

// taker is a function as the writer of a lender.
type taker func(p []byte) error

func (t taker) Write(p []byte) (int, error) {
	if err := t(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
