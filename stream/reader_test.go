package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestReader(t *testing.T) {
	src := source.Of([]byte("one"), nil, []byte(" "), []byte("two"))
	r := stream.Reader(t.Context(), src)
	defer r.Close()
	if err := iotest.TestReader(r, []byte("one two")); err != nil {
		t.Error(err)
	}
}

func TestReaderWriteTo(t *testing.T) {
	var b bytes.Buffer
	r := stream.Reader(t.Context(), source.Of([]byte("one "), []byte("two")))
	if n, err := io.Copy(&b, r); n != 7 || err != nil || b.String() != "one two" {
		t.Errorf("copied %d bytes, %q, %v", n, b.String(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// An error of the source must never look like the end of the bytes.
func TestReaderReturnsTheSourcesError(t *testing.T) {
	r := stream.Reader(t.Context(), failing(errBoom, []byte("part")))
	got, err := io.ReadAll(r)
	if string(got) != "part" || err != errBoom {
		t.Errorf("read %q, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v; the error was told already", err)
	}
}

func TestReaderClose(t *testing.T) {
	cleanup := errors.New("clean-up")
	var saw error
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for {
			if saw = emit([]byte("x")); saw != nil {
				return errors.Join(saw, cleanup)
			}
		}
	})
	t.Run("is an early end", func(t *testing.T) {
		r := stream.Reader(t.Context(), src)
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); !errors.Is(err, cleanup) || stream.Stopped(err) {
			t.Errorf("Close: %v, want the clean-up's error alone", err)
		}
		if !stream.Stopped(saw) {
			t.Errorf("the source saw %v, want an early end", saw)
		}
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Read after Close: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
	t.Run("with an error fails the source", func(t *testing.T) {
		r := stream.Reader(t.Context(), src)
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		err := r.(interface{ CloseWithError(error) error }).CloseWithError(errBoom)
		if !errors.Is(err, cleanup) {
			t.Errorf("CloseWithError: %v, want the clean-up's error", err)
		}
		if saw != errBoom {
			t.Errorf("the source saw %v, want the error given", saw)
		}
	})
	t.Run("before the first Read starts nothing", func(t *testing.T) {
		r := stream.Reader(t.Context(), stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Error("started")
			return nil
		}))
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestReaderPanicSurfacesInRead(t *testing.T) {
	r := stream.Reader(t.Context(), stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		panic("ouch")
	}))
	defer func() {
		if p, ok := recover().(*stream.PanicError); !ok || p.Value != "ouch" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = r.Read(make([]byte, 1))
	t.Error("Read returned")
}
