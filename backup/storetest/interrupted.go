package storetest

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A Put that fails or is cancelled stores nothing.
func testFailedPut(_ *testing.T, s suite) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, 1 << 20, 6 << 20} {
		fails := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			if size > 0 {
				if err := emit(random(size)); err != nil {
					return err
				}
			}
			return broken
		})
		if _, err := stream.Run(s.Context(), fails, s.store.Put("failed", nil)); err != broken { //nolint:errorlint // unchanged
			s.Errorf("%d bytes: %v", size, err)
		}
		s.wantNone("failed")

		ctx, cancel := context.WithCancelCause(s.Context())
		cancelled := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			if size > 0 {
				if err := emit(random(size)); err != nil {
					return err
				}
			}
			cancel(broken)
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if _, err := stream.Run(ctx, cancelled, s.store.Put("failed", nil)); !errors.Is(err, broken) {
			s.Errorf("%d bytes, cancelled: %v", size, err)
		}
		s.wantNone("failed")
	}
	s.put("failed", []byte("stored"))
	s.want("failed", []byte("stored"))
}

// A run whose context is done does nothing.
func testCancelled(_ *testing.T, s suite) {
	s.put("object", []byte("x"))
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(s.Context())
	cancel(cause)
	_, put := stream.Run(ctx, source.Of([]byte("y")), s.store.Put("other", nil))
	_, get := stream.Run(ctx, s.store.Get("object", nil), sink.Writer(io.Discard))
	_, list := stream.Run(ctx, s.store.List(""), sink.Discard[backup.Object]())
	_, del := stream.Run(ctx, source.Of("object"), s.store.Delete())
	for name, err := range map[string]error{"Put": put, "Get": get, "List": list, "Delete": del} {
		if !errors.Is(err, cause) {
			s.Errorf("%s: %v", name, err)
		}
	}
	s.want("object", []byte("x"))
	s.wantNone("other")
}

// A Put whose upstream panics or ends its goroutine stores nothing. One that has not ended shows
// nothing.
func testUnfinished(_ *testing.T, s suite) {
	broken := errors.New("broken")
	for _, size := range []int{1, 9 << 20} {
		for name, end := range map[string]func(){"a panic": func() { panic(broken) }, "Goexit": runtime.Goexit} {
			ends := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
				if err := emit(random(size)); err != nil {
					return err
				}
				s.wantNone("unfinished")
				end()
				return nil
			})
			err := apart.Run(func() error {
				_, err := s.store.Put("unfinished", nil).Consume(s.Context(), ends)
				return err
			})
			if err != nil && !errors.Is(err, broken) {
				s.Errorf("%s after %d bytes: %v", name, size, err)
			}
			s.wantNone("unfinished")
		}
	}
	s.put("unfinished", []byte("stored"))
}
