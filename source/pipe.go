package source

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// Pipe returns a source and a writer: the source emits the bytes written to the writer. Use it with
// code that needs an [io.Writer], such as an archiver, an encoder or a template. The source can run
// once; a second run ends with [ErrUsed].
//
// Use the writer on another goroutine than the run's, and close it there: the run waits until it is
// closed. Close completes the run; CloseWithError fails it.
//
//   - Emits: a copy of each write, in chunks of up to 64 KiB. Put a [bufio.Writer] before it if
//     writes are small.
//   - Memory: one chunk. A Write blocks until the run has taken the bytes before.
//   - Limits: a drain of the run does not end the source, because a part of the bytes would pass
//     for the whole.
func Pipe() (stream.Source[[]byte], *PipeWriter) {
	w := &PipeWriter{turn: make(chan struct{}, 1), queue: NewQueue[[]byte](0)}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		return w.queue.Each(stream.WithoutDrain(ctx), emit)
	}), w
}

// PipeWriter is the writing end of a [Pipe]. Concurrent writes do not interleave.
type PipeWriter struct {
	turn  chan struct{} // full during a Write; a mutex would stop the fake clock of a test
	queue *Queue[[]byte]
}

// Write implements [io.Writer]. After the end of the run it returns the run's error, or
// [io.ErrClosedPipe] if there is none.
func (w *PipeWriter) Write(p []byte) (int, error) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	n := 0
	for n < len(p) {
		chunk := p[n:min(len(p), n+chunkSize)]
		if err := w.queue.Offer(context.Background(), bytes.Clone(chunk)); errors.Is(err, ErrClosed) {
			return n, io.ErrClosedPipe
		} else if err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}

// Close completes the run once it has taken the last byte. Close does not wait for that, and
// returns nil.
func (w *PipeWriter) Close() error { return w.CloseWithError(nil) }

// CloseWithError ends the run with err, unwrapped, once the run has taken the last byte. With a nil
// err it does what Close does. Only the first call of either has an effect. It returns nil.
func (w *PipeWriter) CloseWithError(err error) error {
	w.queue.Fail(err)
	return nil
}
