package stream

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Reader returns the bytes of src as an [io.ReadCloser]. The run begins at the first Read and goes on only while Read is
// called: src runs as a coroutine of the reader, so no goroutine runs beside it and nothing is buffered but the chunk in hand.
//
//   - Errors: Read returns the error of src as it is, and io.EOF only when src completed.
//   - The caller closes it, whether or not he read to the end. Close before the end is an early end: it stops src, waits for it
//     and returns what its clean-up reported. Until then src holds what it holds: a cursor, a connection.
//   - CloseWithError(err error) error, which the reader also has, ends src with err instead, as a failed downstream would.
//   - WriteTo, which io.Copy uses, passes the chunks on without a copy.
//   - It may not be used by two goroutines at once. A panic in src surfaces in Read or Close.
func Reader(ctx context.Context, src Source[[]byte]) io.ReadCloser {
	return &reader{ctx: ctx, src: src}
}

type reader struct {
	ctx  context.Context // of the one run that this reader is
	src  Source[[]byte]
	rest []byte

	next  func() ([]byte, bool) // nil before the first Read
	stop  func()
	cause error // what emit returns after the reader was closed
	err   error // how src ended; valid once done
	done  bool
}

// start makes the run a coroutine.
func (r *reader) start() {
	r.next, r.stop = iter.Pull(func(yield func([]byte) bool) {
		r.err = r.each(func(p []byte) error {
			if len(p) > 0 && !yield(p) {
				return r.cause
			}
			return nil
		})
		r.done = true
	})
}

func (r *reader) each(emit func([]byte) error) error {
	_, err := Run(r.ctx, r.src, SinkFunc[[]byte, struct{}](func(ctx context.Context, src Source[[]byte]) (struct{}, error) {
		return struct{}{}, src.Each(ctx, emit)
	}))
	return err
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill makes rest non-empty, or says why it cannot.
func (r *reader) fill() error {
	if len(r.rest) > 0 {
		return nil
	}
	if r.cause != nil {
		return io.ErrClosedPipe
	}
	if r.next == nil {
		r.start()
	}
	var ok bool
	if r.rest, ok = r.next(); ok {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	return io.EOF
}

// WriteTo implements [io.WriterTo].
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		switch err := r.fill(); {
		case errors.Is(err, io.EOF) && r.err == nil:
			return total, nil
		case err != nil:
			return total, err
		}
		n, err := w.Write(r.rest)
		total += int64(n)
		if err == nil && n < len(r.rest) {
			err = io.ErrShortWrite
		}
		r.rest = r.rest[n:]
		if err != nil {
			return total, err
		}
	}
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	s := new(stop)
	return without(r.close(s), s)
}

// CloseWithError ends src with err, as if its downstream had failed with it, and returns what clean-up added to err, or nil.
func (r *reader) CloseWithError(err error) error {
	if err == nil {
		return r.Close()
	}
	if got := r.close(err); got != nil && got != err { //nolint:errorlint // identity is the question
		return got
	}
	return nil
}

func (r *reader) close(cause error) error {
	if r.cause != nil {
		return nil
	}
	r.cause = cause
	r.rest = nil
	if r.next == nil || r.done {
		return nil
	}
	r.stop()
	return r.err
}
