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
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

const chunkSize = 64 << 10 // bytes

// Reader returns a source of the bytes of r. It can run once; a second run ends with [ErrUsed]. The
// caller owns r and closes it after the run.
//
//   - Emits: chunks of up to 64 KiB, as r returns them.
//   - Memory: 64 KiB. With [stream.EachLent] all chunks have the same memory.
//   - Errors: those of r, wrapped; [io.ErrNoProgress] if 100 successive reads return nothing.
//   - Limits: a drain of the run does not end the source, because a part of the bytes would pass
//     for the whole. For an endless reader, put [stream.Drainable] after the stage that splits the
//     bytes into records. Cancellation interrupts a blocked Read only if r has a working
//     SetReadDeadline, as connections and system pipes have, or is an [io.PipeReader]. The deadline
//     is reset afterwards. The PipeReader is closed with the cause. For other readers use [Open].
func Reader(r io.Reader) stream.Source[[]byte] {
	if r == nil {
		return stream.Fail[[]byte](errors.New("source: Reader: the reader is nil"))
	}
	used := new(atomic.Bool)
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		if used.Swap(true) {
			return ErrUsed
		}
		defer unblock(ctx, r, nil)()
		return read(ctx, "read", r, buffer{size: chunkSize, lent: lent}, emit)
	})
}

// Open returns a source of the bytes of the reader that open returns. Every run calls open, and
// closes the reader.
//
//   - Emits: chunks of up to 64 KiB, as the reader returns them.
//   - Memory: 64 KiB. With [stream.EachLent] all chunks have the same memory.
//   - Errors: an error of open is returned unwrapped; errors of the reader, Close included, are
//     wrapped.
//   - Limits: a drain does not end the source, as in [Reader]. Cancellation interrupts a blocked
//     Read as in Reader, and otherwise by closing the reader during the Read, which connections,
//     HTTP bodies and files allow. open must return when its context is done.
func Open(open func(context.Context) (io.ReadCloser, error)) stream.Source[[]byte] {
	if open == nil {
		return stream.Fail[[]byte](errors.New("source: Open: the function is nil"))
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
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
		return readAll(ctx, "read", r, r, buffer{size: chunkSize, lent: lent}, emit)
	})
}

// readAll emits the bytes of r and closes c. r is c or reads from it.
func readAll(
	ctx context.Context, what string, r io.Reader, c io.ReadCloser, memory buffer, emit func([]byte) error,
) (err error) {
	shut := sync.OnceValue(c.Close)
	release := unblock(ctx, c, func() { _ = shut() })
	defer func() {
		release()
		// After a cancellation the error of Close means nothing: the reader may be closed already.
		if e := shut(); e != nil && ctx.Err() == nil {
			err = ending.Join(err, fmt.Errorf("source: close: %w", e))
		}
	}()
	return read(ctx, what, r, memory, emit)
}

// emptyReads is the number of successive reads without bytes and without an error after which the
// run fails. Package bufio has the same limit.
const emptyReads = 100

// read emits the bytes of r in chunks of memory.
func read(ctx context.Context, what string, r io.Reader, memory buffer, emit func([]byte) error) error {
	for empty := 0; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(memory.next())
		if n > 0 {
			empty = 0
			if err := emit(memory.chunk(n)); err != nil {
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

// unblock makes a blocked Read of r return when ctx is done, if r supports that. Otherwise it calls
// last, unless that is nil. The caller must call the returned function after the last Read.
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
