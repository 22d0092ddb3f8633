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

// Writer returns a sink that writes its chunks to w. Its result, beside an error too, is how many bytes w took. The caller owns w
// and closes it when the run has ended; a second run goes on writing where the first ended.
//
//   - Cancellation ends a Write that waits where w has SetWriteDeadline and supports it (connections, pipes of the system), which
//     is reset afterwards, and where w is an [io.PipeWriter], which is closed with the cause. No other Write can be ended.
//   - Errors: those of w, wrapped.
func Writer(w io.Writer) stream.Sink[[]byte, int64] {
	if w == nil {
		return invalid[[]byte, int64]("Writer: the writer is nil")
	}
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (int64, error) {
		return write(ctx, "write", w, src)
	})
}

// Create returns a sink that writes its chunks to the writer that open returns and closes it. Every run opens its own, before its
// upstream starts. Its result, beside an error too, is how many bytes the writer took.
//
//   - The writer is closed once, in whatever way the run ends. When it failed, CloseWithError is called in place of Close where
//     the writer has it, with the run's error: a writer whose Close publishes what was written must have it.
//   - Cancellation ends a Write that waits as with [Writer]. open is to watch its context.
//   - Errors: that of open as it is; those of the writer, wrapped. An error of Close fails a run that was complete, and is joined
//     to an earlier error.
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
		err = errBroke // what remains of it when the run panics
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

// unblock makes a Write of w that waits return when ctx is done, if there is a way. The function that it returns ends that, and
// must be called.
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
