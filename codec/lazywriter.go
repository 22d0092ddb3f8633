package codec

import (
	"context"
	"io"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// openEncoder is the function that [Encoder] takes.
type openEncoder = func(io.Writer) (io.WriteCloser, error)

// lazyEncoder is an [Encoder] that calls open when it gets the first bytes. It takes state bytes,
// the memory of the writer, from the budget.
func lazyEncoder(name string, state int64, open openEncoder) bytesFlow {
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		account := stream.OpenAccount(ctx, stream.Need{Stage: name, Min: state})
		defer account.Close()
		var denied error
		counted := func(to io.Writer) (io.WriteCloser, error) {
			if denied = account.Acquire(ctx, state); denied != nil {
				return nil, denied
			}
			return open(to)
		}
		err := encode(ctx, name, src, &emitter{emit: emit, lent: lent}, lazily(counted))
		if denied != nil {
			return denied
		}
		return err
	})
}

// lazily returns a function whose writer calls open when it gets the first bytes, or when it is
// closed without any. So runs that wait for data take little memory.
func lazily(open openEncoder) openEncoder {
	return func(to io.Writer) (io.WriteCloser, error) { return &lazyWriter{to: to, open: open}, nil }
}

type lazyWriter struct {
	to   io.Writer
	open openEncoder
	w    io.WriteCloser // nil before it is needed
}

// Write implements [io.Writer].
func (l *lazyWriter) Write(p []byte) (int, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	return l.w.Write(p)
}

// Close implements [io.Closer].
func (l *lazyWriter) Close() error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.w.Close()
}

func (l *lazyWriter) begin() (err error) {
	if l.w == nil {
		l.w, err = l.open(l.to)
	}
	return err
}

func (l *lazyWriter) release() {
	if r, ok := l.w.(releaser); ok {
		r.release()
	}
}
