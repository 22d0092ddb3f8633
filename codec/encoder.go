package codec

import (
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// chunkSize is the size of the chunks that stages emit, in bytes.
const chunkSize = 64 << 10

// Encoder returns a flow that encodes its input with the writer that open returns, a type like
// gzip.Writer. Every run opens one writer. The errors of the writer are prefixed with name, as in
// "codec: gzip".
//
//   - In: byte chunks of any size. Write must not keep its argument, as [io.Writer] demands.
//   - Out: chunks of 64 KiB; the last one is shorter.
//   - Ownership: the receiver owns a chunk. A receiver that uses [stream.EachLent] gets all of them
//     in the same memory.
//   - End: after the upstream has completed, the writer is closed and then the stream completes.
//     After an error the writer is not closed, so it must hold no resource other than memory.
//   - Memory: one chunk, and the writer's.
//   - Errors: those of open, Write and Close, wrapped; [io.ErrShortWrite] if Write takes less than
//     it was given.
func Encoder(name string, open func(io.Writer) (io.WriteCloser, error)) stream.Flow[[]byte, []byte] {
	if open == nil {
		return failing[[]byte, []byte](wrap(name, errNilOpen))
	}
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		return encode(ctx, name, src, &emitter{emit: emit, lent: lent}, open)
	})
}

var errNilOpen = errors.New("the open function is nil")

// releaser is an encoder or decoder from a pool.
type releaser interface{ release() }

// encode runs src through the encoder.
func encode(ctx context.Context, name string, src stream.Source[[]byte], out *emitter,
	open func(io.Writer) (io.WriteCloser, error),
) error {
	// Return the downstream's error unchanged, even if the encoder wraps it.
	fail := func(err error) error {
		if out.err != nil {
			return out.err
		}
		return wrap(name, err)
	}
	w, err := open(out)
	if err != nil {
		return fail(err)
	}
	if r, ok := w.(releaser); ok {
		defer r.release()
	}
	var failed error
	err = stream.EachLent(early.Detached(ctx), src, func(p []byte) error { // Write keeps no part of p
		if failed != nil {
			return failed
		}
		n, err := w.Write(p)
		switch {
		case err != nil:
			failed = fail(err)
		case n != len(p):
			failed = fail(io.ErrShortWrite)
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fail(err)
	}
	return out.flush()
}

// emitter is an io.Writer that collects its input into chunks and emits each when it is full.
type emitter struct {
	emit func([]byte) error
	lent bool   // emit keeps no chunk after it returns, so all share one buffer
	buf  []byte // the current chunk
	err  error  // the first error of emit; every later call returns it
}

// Write implements [io.Writer].
func (e *emitter) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n := len(p)
	for len(p) > 0 {
		if e.buf == nil {
			e.buf = make([]byte, 0, chunkSize)
		}
		k := min(len(p), cap(e.buf)-len(e.buf))
		e.buf = append(e.buf, p[:k]...)
		p = p[k:]
		if len(e.buf) == cap(e.buf) {
			if err := e.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// flush emits the current chunk.
func (e *emitter) flush() error {
	if e.err == nil && len(e.buf) > 0 {
		p := e.buf
		e.buf = nil
		if e.err = e.emit(p); e.lent {
			e.buf = p[:0]
		}
	}
	return e.err
}

// failing returns a flow for invalid settings. Its run fails with err, of class Fatal, before the
// upstream starts.
func failing[I, O any](err error) stream.Flow[I, O] {
	err = stream.Mark(err, stream.Fatal)
	return stream.FlowFunc[I, O](func(stream.Source[I]) stream.Source[O] { return stream.Fail[O](err) })
}
