package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/millweir/millweir/stream"
)

const chunkSize = 64 << 10 // bytes

// ErrUsed is the error of a second run of a source that can be read only once.
var ErrUsed = errors.New("source: it can be read only once, and was")

// Reader returns a source of the bytes of r, in chunks of up to 64 KiB. It can be run once; the second run ends with [ErrUsed].
// The caller owns r and closes it. A Read that blocks cannot be cancelled: where that matters, use [Open].
func Reader(r io.Reader) stream.Source[[]byte] {
	if r == nil {
		return stream.Fail[[]byte](errors.New("source: Reader: the reader is nil"))
	}
	var used atomic.Bool
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if used.Swap(true) {
			return ErrUsed
		}
		return read(ctx, "read", r, emit)
	})
}

// Open returns a source of the bytes of the reader that open returns, in chunks of up to 64 KiB. Every run opens its own and
// closes it, on cancellation already while a Read is under way.
func Open(open func(context.Context) (io.ReadCloser, error)) stream.Source[[]byte] {
	if open == nil {
		return stream.Fail[[]byte](errors.New("source: Open: the function is nil"))
	}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) (err error) {
		r, err := open(ctx)
		if err != nil {
			return fmt.Errorf("source: open: %w", err)
		}
		unwatch := context.AfterFunc(ctx, func() { r.Close() })
		defer func() {
			if !unwatch() {
				return // it was closed by the cancellation
			}
			if e := r.Close(); e != nil {
				err = errors.Join(err, fmt.Errorf("source: close: %w", e))
			}
		}()
		return read(ctx, "read", r, emit)
	})
}

// File returns a source of the bytes of the named file, in chunks of up to 64 KiB. Every run opens the file anew.
func File(name string) stream.Source[[]byte] {
	return Open(func(context.Context) (io.ReadCloser, error) { return os.Open(name) })
}

// emptyReads is how often a reader may return nothing and no error before it counts as broken.
const emptyReads = 100

func read(ctx context.Context, what string, r io.Reader, emit func([]byte) error) error {
	empty := 0
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		chunk := make([]byte, chunkSize)
		n, err := r.Read(chunk)
		if n > 0 {
			empty = 0
			if err := emit(chunk[:n:n]); err != nil {
				return err
			}
		} else if empty++; err == nil && empty == emptyReads {
			err = io.ErrNoProgress
		}
		switch {
		case err == io.EOF: //nolint:errorlint // a wrapped io.EOF is an error, not the end
			return nil
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("source: %s: %w", what, err)
		}
	}
}
