package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

const chunkSize = 64 << 10 // bytes

// Reader returns a source of the bytes of r. It can be run once; the second run ends with [ErrUsed]. The caller owns r and closes
// it when the run has ended.
//
//   - Out: chunks of up to 64 KiB, as r returns them.
//   - Memory: 64 KiB.
//   - A drain of the run does not end it: the bytes are one whole, which cut short would pass for complete. For what has no end,
//     put [stream.Drainable] after the stage that makes records of the bytes.
//   - Cancellation ends a Read that waits where r has SetReadDeadline and supports it (connections, pipes of the system), which is
//     reset afterwards, and where r is an [io.PipeReader], which is closed with the cause. No other Read can be ended: use [Open].
//   - Errors: those of r, wrapped; [io.ErrNoProgress] when 100 reads in a row gave nothing.
func Reader(r io.Reader) stream.Source[[]byte] {
	if r == nil {
		return stream.Fail[[]byte](errors.New("source: Reader: the reader is nil"))
	}
	used := new(atomic.Bool)
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if used.Swap(true) {
			return ErrUsed
		}
		defer unblock(ctx, r, nil)()
		return read(ctx, "read", r, chunkSize, emit)
	})
}

// Open returns a source of the bytes of the reader that open returns. Every run opens its own and closes it.
//
//   - Out: chunks of up to 64 KiB, as the reader returns them.
//   - Memory: 64 KiB.
//   - A drain of the run does not end it, as with [Reader].
//   - Cancellation ends a Read that waits as with [Reader], or else by closing the reader meanwhile, which those of connections,
//     HTTP bodies and files allow. open itself is to watch its context.
//   - Errors: that of open as it is; those of the reader, Close included, wrapped.
func Open(open func(context.Context) (io.ReadCloser, error)) stream.Source[[]byte] {
	if open == nil {
		return stream.Fail[[]byte](errors.New("source: Open: the function is nil"))
	}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r, err := open(ctx)
		switch {
		case err != nil:
			return ending.Cause(ctx, err)
		case r == nil:
			return errors.New("source: Open: the function returned no reader")
		}
		return readAll(ctx, "read", r, r, chunkSize, emit)
	})
}

// readAll emits the bytes of r, which is c or a part of it, and closes c.
func readAll(ctx context.Context, what string, r io.Reader, c io.ReadCloser, size int, emit func([]byte) error) (err error) {
	shut := sync.OnceValue(c.Close)
	release := unblock(ctx, c, func() { _ = shut() })
	defer func() {
		release()
		if e := shut(); e != nil && ctx.Err() == nil { // after a cancellation the error is that it was closed
			err = ending.Join(err, fmt.Errorf("source: close: %w", e))
		}
	}()
	return read(ctx, what, r, size, emit)
}

// emptyReads is how often a reader may return nothing and no error before it counts as broken, as in package bufio.
const emptyReads = 100

// read emits the bytes of r in chunks of up to size bytes.
func read(ctx context.Context, what string, r io.Reader, size int, emit func([]byte) error) error {
	var free []byte // of the last allocation; what was emitted of it is not touched again
	for empty := 0; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(free) < (size+1)/2 {
			free = make([]byte, size)
		}
		n, err := r.Read(free)
		if n > 0 {
			empty = 0
			chunk := free[:n:n]
			free = free[n:]
			if err := emit(chunk); err != nil {
				return err
			}
		} else if empty++; err == nil && empty == emptyReads {
			err = io.ErrNoProgress
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == io.EOF: //nolint:errorlint // a wrapped io.EOF is an error, not the end
			return nil
		default:
			return fmt.Errorf("source: %s: %w", what, err)
		}
	}
}

// unblock makes a Read of r that waits return when ctx is done, if there is a way; last is one, or nil. The function that it
// returns ends that, and must be called.
func unblock(ctx context.Context, r io.Reader, last func()) func() {
	timed, _ := r.(interface{ SetReadDeadline(time.Time) error })
	pipe, _ := r.(*io.PipeReader)
	if timed == nil && pipe == nil && last == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		switch {
		case timed != nil && timed.SetReadDeadline(time.Unix(1, 0)) == nil:
		case pipe != nil:
			_ = pipe.CloseWithError(context.Cause(ctx))
		case last != nil:
			last()
		}
	})
	return func() {
		if stop() {
			return
		}
		<-ended
		if timed != nil {
			_ = timed.SetReadDeadline(time.Time{})
		}
	}
}
