package source

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// Pipe returns a source of the bytes that are written to the writer, for code that wants an [io.Writer]: an archiver, an encoder,
// a template. The source can be run once; the second run ends with [ErrUsed].
//
// The writer belongs to another goroutine than the run, which closes it: with Close the run completes, with CloseWithError it
// fails. A writer that is never closed leaves the run waiting.
//
//   - Out: a copy of each write, in chunks of up to 64 KiB. Put a [bufio.Writer] before it where writes are small.
//   - Memory: one chunk. A Write waits until the run has taken the bytes before.
//   - A drain of the run does not end it: the bytes are one whole, which ends where the writer says.
func Pipe() (stream.Source[[]byte], *PipeWriter) {
	w := &PipeWriter{turn: make(chan struct{}, 1), queue: NewQueue[[]byte](0)}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		return w.queue.Each(stream.WithoutDrain(ctx), emit)
	}), w
}

// PipeWriter is the writing end of a [Pipe]. Writes from several goroutines do not mix.
type PipeWriter struct {
	turn  chan struct{} // full during a Write; a mutex would keep a test's fake clock from moving while a Write waits
	queue *Queue[[]byte]
}

// Write implements [io.Writer]. When the run has ended it returns the run's error, or [io.ErrClosedPipe] where there is none.
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

// Close completes the run when it has come to the last byte. It does not wait for that, and returns nil.
func (w *PipeWriter) Close() error { return w.CloseWithError(nil) }

// CloseWithError ends the run with err, as it is, when it has come to the last byte; a nil err is Close. Only the first call of
// either has an effect. It returns nil.
func (w *PipeWriter) CloseWithError(err error) error {
	w.queue.Fail(err)
	return nil
}
