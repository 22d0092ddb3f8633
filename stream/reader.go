package stream

import (
	"context"
	"io"
)

// Reader returns the bytes of src as an [io.ReadCloser]. The run begins at the first Read. It makes
// progress only during calls, because src runs as a coroutine of the reader: there is no goroutine,
// and the reader buffers only one chunk.
//
//   - Read returns the error of src unchanged, and io.EOF only if src completed.
//   - The caller must close the reader, even after reading to the end. Close before the end is an
//     early end: it stops src, waits for it, and returns the error of its clean-up. Until then src
//     keeps its resources, such as a cursor or a connection.
//   - The reader also has a method CloseWithError(err error) error. It ends src with err, as a
//     failed downstream would.
//   - WriteTo, which io.Copy uses, passes the chunks on without a copy.
//   - The reader must not be used by two goroutines at once. A panic in src surfaces in Read,
//     WriteTo or Close as a [*PanicError].
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

// fill makes rest non-empty, or returns the reason why it cannot: io.EOF if src completed.
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

// CloseWithError ends src with err, as if its downstream had failed with it, and returns the errors
// that clean-up added to err. If err is nil, it does what Close does.
func (r *reader) CloseWithError(err error) error {
	if err == nil {
		err = new(stop)
	}
	r.closed, r.rest = true, nil
	return r.run.close(err)
}
