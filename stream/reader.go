package stream

import (
	"context"
	"io"
)

// Reader returns the bytes of src as an [io.ReadCloser]. The run begins at the first Read and goes on only while Read is
// called: src runs as a coroutine of the reader, so no goroutine runs beside it and nothing is buffered but the chunk in hand.
//
//   - Errors: Read returns the error of src as it is, and io.EOF only when src completed.
//   - The caller closes it, whether or not he read to the end. Close before the end is an early end: it stops src, waits for it
//     and returns what its clean-up reported. Until then src holds what it holds: a cursor, a connection.
//   - CloseWithError(err error) error, which the reader also has, ends src with err instead, as a failed downstream would.
//   - WriteTo, which io.Copy uses, passes the chunks on without a copy.
//   - It may not be used by two goroutines at once. A panic in src surfaces in Read, WriteTo or Close as a [*PanicError].
func Reader(ctx context.Context, src Source[[]byte]) io.ReadCloser {
	return &reader{run: pull(ctx, src)}
}

type reader struct {
	run    *pulled[[]byte]
	rest   []byte
	closed bool
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

// fill makes rest non-empty, or says why it cannot: io.EOF when src completed.
func (r *reader) fill() error {
	for len(r.rest) == 0 {
		if r.closed {
			return io.ErrClosedPipe
		}
		var ok bool
		if r.rest, ok = r.run.next(); ok {
			continue
		}
		if r.run.err != nil {
			return r.run.err
		}
		return io.EOF
	}
	return nil
}

// WriteTo implements [io.WriterTo].
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if err := r.fill(); err != nil {
			if r.run.done && r.run.err == nil {
				err = nil // the end
			}
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
func (r *reader) Close() error { return r.CloseWithError(new(stop)) }

// CloseWithError ends src with err, as if its downstream had failed with it, and returns what clean-up added to err. With nil
// it is Close.
func (r *reader) CloseWithError(err error) error {
	if err == nil {
		err = new(stop)
	}
	r.closed, r.rest = true, nil
	return r.run.close(err)
}
