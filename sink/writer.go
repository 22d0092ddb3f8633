package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// Writer returns a sink that writes its chunks to w. The caller owns w and closes it after the run.
// A second run writes after the end of the first.
//
//   - Result: the number of bytes that w accepted, also with an error.
//   - Errors: those of w, wrapped.
//   - Limits: cancellation interrupts a blocked Write only if w has a working SetWriteDeadline, as
//     connections and system pipes have, or is an [io.PipeWriter]. The deadline is reset
//     afterwards. The PipeWriter is closed with the cause.
func Writer(w io.Writer) stream.Sink[[]byte, int64] {
	if w == nil {
		return invalid[[]byte, int64]("Writer: the writer is nil")
	}
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (int64, error) {
		return write(ctx, "write", w, src)
	})
}

// Create returns a sink that writes its chunks to the writer that open returns, and closes it.
// Every run calls open, before its upstream starts.
//
// The writer is closed once, however the run ends. If the run fails and the writer has a method
// CloseWithError, Create calls it with the run's error instead of Close. A writer whose Close
// publishes the written bytes must have this method.
//
//   - Result: the number of bytes that the writer accepted, also with an error.
//   - Errors: an error of open is returned unwrapped; errors of the writer are wrapped. An error of
//     Close fails a complete run, and is joined to an earlier error.
//   - Limits: cancellation interrupts a blocked Write as in [Writer]. open must watch its context.
func Create(open func(context.Context) (io.WriteCloser, error)) stream.Sink[[]byte, int64] {
	if open == nil {
		return invalid[[]byte, int64]("Create: the function is nil")
	}
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (n int64, err error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		w, err := open(stream.WithoutDrain(ctx))
		switch {
		case err != nil:
			return 0, ending.Cause(ctx, err)
		case w == nil:
			return 0, stream.Mark(errors.New("sink: Create: the function returned no writer"), stream.Fatal)
		}
		err = errBroke // the error if the run panics
		defer func() {
			if e := shut(w, err); e != nil {
				err = ending.Join(err, fmt.Errorf("sink: close: %w", e))
			}
		}()
		n, err = write(ctx, "write", w, src)
		return n, err
	})
}

var errBroke = errors.New("sink: the run panicked or ended its goroutine")

// shut closes w after a run that ended with err.
func shut(w io.WriteCloser, err error) error {
	if failing, ok := w.(interface{ CloseWithError(error) error }); ok && err != nil {
		return failing.CloseWithError(err)
	}
	return w.Close()
}

// write runs src into w.
func write(ctx context.Context, what string, w io.Writer, src stream.Source[[]byte]) (total int64, _ error) {
	defer unblock(ctx, w)()
	err := guarded.EachLent(ctx, src, func(p []byte) error {
		n, err := w.Write(p)
		total += int64(n)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return fmt.Errorf("sink: %s: %w", what, err)
		}
	})
	return total, err
}

// unblock makes a blocked Write of w return when ctx is done, if w supports that. The caller must
// call the returned function after the last Write.
func unblock(ctx context.Context, w io.Writer) func() {
	timed, _ := w.(interface{ SetWriteDeadline(time.Time) error })
	pipe, _ := w.(*io.PipeWriter)
	if timed == nil && pipe == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		switch {
		case timed != nil:
			_ = timed.SetWriteDeadline(time.Unix(1, 0))
		default:
			_ = pipe.CloseWithError(context.Cause(ctx))
		}
	})
	return func() {
		if stop() {
			return
		}
		<-ended
		if timed != nil {
			_ = timed.SetWriteDeadline(time.Time{})
		}
	}
}
