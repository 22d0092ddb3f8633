package codec_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// plain passes bytes on unchanged. The tests set its failures.
type plain struct {
	w      io.Writer
	write  func(p []byte) (int, error)
	close  error
	closed *int
}

func (p *plain) Write(b []byte) (int, error) {
	if p.write != nil {
		return p.write(b)
	}
	if _, err := p.w.Write(b); err != nil {
		return 0, fmt.Errorf("in disguise: %w", err)
	}
	return len(b), nil
}

func (p *plain) Close() error {
	if p.closed != nil {
		*p.closed++
	}
	return p.close
}

func TestEncoderContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: func() flow {
			return codec.Encoder("test: encode", func(w io.Writer) (io.WriteCloser, error) { return &plain{w: w}, nil })
		},
		Want: sameBytes,
	})
}

func sameBytes(t *testing.T, in, out [][]byte) {
	if !bytes.Equal(bytes.Join(in, nil), bytes.Join(out, nil)) {
		t.Errorf("got %q, want %q", out, in)
	}
}

func TestEncoderErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name   string
		open   error
		enc    plain
		up     error
		want   error
		closes int
	}{
		{name: "open", open: boom, want: boom},
		{name: "write", enc: plain{write: func([]byte) (int, error) { return 0, boom }}, want: boom},
		{name: "short write", enc: plain{write: func(p []byte) (int, error) {
			return len(p) - 1, nil
		}}, want: io.ErrShortWrite},
		{name: "close", enc: plain{close: boom}, want: boom, closes: 1},
		{name: "upstream", up: boom, want: boom},
		{name: "none", closes: 1},
	} {
		closes := 0
		f := codec.Encoder("test: encode", func(w io.Writer) (io.WriteCloser, error) {
			e := c.enc
			e.w, e.closed = w, &closes
			return &e, c.open
		})
		err := drain(stream.Via(failsAfter([]byte("some text"), c.up), f))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.up != nil && err != c.up { //nolint:errorlint // unchanged
			t.Errorf("%s: the upstream's error came as %#v", c.name, err)
		}
		if own := c.up == nil && c.want != nil; own && !strings.HasPrefix(err.Error(), "test: encode: ") {
			t.Errorf("%s: %q has no name", c.name, err)
		}
		if closes != c.closes {
			t.Errorf("%s: closed %d times, want %d", c.name, closes, c.closes)
		}
	}
}

func TestEncoderPassesEmitErrorAsItIs(t *testing.T) {
	boom := errors.New("boom")
	for _, size := range []int{1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		src := stream.Via(pieces(noise(size), 1000), codec.Encoder("test: encode", func(w io.Writer) (io.WriteCloser,
			error,
		) {
			return &plain{w: w}, nil
		}))
		calls := 0
		err := src.Each(context.Background(), func([]byte) error { calls++; return boom })
		if err != boom || calls != 1 { //nolint:errorlint // unchanged
			t.Errorf("%d bytes: %v after %d calls", size, err, calls)
		}
	}
}

func TestEncoderUpstreamThatHidesErrors(t *testing.T) {
	deaf := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		_ = emit([]byte("one"))
		_ = emit([]byte("two"))
		return nil
	})
	calls := 0
	f := codec.Encoder("test: encode", func(io.Writer) (io.WriteCloser, error) {
		return &plain{write: func([]byte) (int, error) { calls++; return 0, io.ErrNoProgress }}, nil
	})
	if err := drain(stream.Via(deaf, f)); !errors.Is(err, io.ErrNoProgress) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestNilOpen(t *testing.T) {
	for _, f := range []flow{codec.Decoder("test", nil), codec.Encoder("test", nil)} {
		if err := drain(stream.Via(pieces([]byte("x"), 0), f)); err == nil {
			t.Error("no error")
		}
	}
}

func ExampleEncoder() {
	encode := codec.Encoder("demo: base64", func(w io.Writer) (io.WriteCloser, error) {
		return base64.NewEncoder(base64.StdEncoding, w), nil
	})
	decode := codec.Decoder("demo: base64", func(r io.Reader) (io.Reader, error) {
		return base64.NewDecoder(base64.StdEncoding, r), nil
	})
	there := stream.Via(source.Of([]byte("through the mill")), encode)
	text, err := stream.Run(context.Background(), there, sink.Slice[[]byte]())
	fmt.Printf("%s %v\n", bytes.Join(text, nil), err)
	text, err = stream.Run(context.Background(), stream.Via(there, decode), sink.Slice[[]byte]())
	fmt.Printf("%s %v\n", bytes.Join(text, nil), err)
	// Output:
	// dGhyb3VnaCB0aGUgbWlsbA== <nil>
	// through the mill <nil>
}

func ExampleGzip() {
	text := source.Of([]byte("through the mill\n"), []byte("and over the weir\n"))
	n, err := stream.Run(context.Background(), stream.Via2(text, codec.Gzip(nil), codec.Gunzip(nil)),
		sink.Writer(&strings.Builder{}))
	fmt.Println(n, err)
	// Output: 35 <nil>
}
