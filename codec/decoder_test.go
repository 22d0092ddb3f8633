package codec_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestDecoderContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: func() flow {
			return codec.Decoder("test: decode", func(r io.Reader) (io.Reader, error) { return r, nil })
		},
		Want: sameBytes,
	})
}

// decoder is a reader that counts its Close calls.
type decoder struct {
	io.Reader
	err    error
	closed int
}

func (d *decoder) Close() error { d.closed++; return d.err }

func TestDecoderErrors(t *testing.T) {
	boom, other := errors.New("boom"), errors.New("other")
	text := strings.Repeat("some text ", 1000)
	for _, c := range []struct {
		name  string
		open  func(io.Reader) (io.Reader, error)
		up    error
		want  error
		exact bool
	}{
		{name: "open", open: func(io.Reader) (io.Reader, error) { return nil, boom }, want: boom},
		{name: "read", open: func(r io.Reader) (io.Reader, error) {
			return io.MultiReader(r, iotest.ErrReader(boom)), nil
		}, want: boom},
		{name: "stops early", open: func(r io.Reader) (io.Reader, error) {
			return io.LimitReader(r, 10), nil
		}, want: codec.ErrTrailing},
		{name: "stops one byte early", open: func(r io.Reader) (io.Reader, error) {
			return io.LimitReader(r, int64(len(text)-1)), nil
		}, want: codec.ErrTrailing},
		{name: "stops at the end", open: func(r io.Reader) (io.Reader, error) {
			return io.LimitReader(r, int64(len(text))), nil
		}},
		{name: "no progress", open: func(io.Reader) (io.Reader, error) { return idle{}, nil }, want: io.ErrNoProgress},
		{name: "upstream", open: same, up: boom, want: boom, exact: true},
		{name: "upstream in disguise", open: disguise(io.ErrUnexpectedEOF), up: boom, want: boom, exact: true},
		{name: "upstream hidden as the end", open: disguise(io.EOF), up: boom, want: boom, exact: true},
		{name: "upstream behind the end", open: func(r io.Reader) (io.Reader, error) {
			return io.LimitReader(r, int64(len(text))), nil
		}, up: boom, want: boom, exact: true},
		{name: "upstream fails with io.EOF", open: same, up: io.EOF, want: io.EOF, exact: true},
		{name: "upstream while opening", open: func(r io.Reader) (io.Reader, error) {
			_, err := io.ReadAll(r)
			return nil, fmt.Errorf("opening: %w", err)
		}, up: boom, want: boom, exact: true},
		{name: "close", open: func(r io.Reader) (io.Reader, error) {
			return &decoder{Reader: r, err: boom}, nil
		}, want: boom},
		{name: "close after a failure", open: func(io.Reader) (io.Reader, error) {
			return &decoder{Reader: iotest.ErrReader(boom), err: other}, nil
		}, want: other},
		{name: "data with the end", open: func(r io.Reader) (io.Reader, error) { return iotest.DataErrReader(r), nil }},
		{name: "impossible count", open: func(io.Reader) (io.Reader, error) {
			return liar{}, nil
		}, want: nil, exact: false},
	} {
		var upstream error
		src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			upstream = failsAfter([]byte(text), c.up).Each(ctx, emit)
			return upstream
		})
		err := drain(stream.Via(src, codec.Decoder("test: decode", c.open)))
		switch {
		case c.name == "impossible count":
			if err == nil {
				t.Errorf("%s: no error", c.name)
			}
		case !errors.Is(err, c.want):
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		case c.exact && err != c.want: //nolint:errorlint // unchanged
			t.Errorf("%s: %#v, want the upstream's error as it is", c.name, err)
		case !c.exact && c.want != nil && !strings.HasPrefix(err.Error(), "test: decode: "):
			t.Errorf("%s: %q has no name", c.name, err)
		}
		if c.want == codec.ErrTrailing && upstream == nil { //nolint:errorlint // the table's own value
			t.Errorf("%s: the upstream was not told of the failure", c.name)
		}
	}
}

// TestDecoderTrailing appends bytes to the input of decoders of the standard library, in one chunk
// and in many.
func TestDecoderTrailing(t *testing.T) {
	for name, c := range map[string]struct {
		pack flow
		open func(io.Reader) (io.Reader, error)
	}{
		"zlib":  {codec.Zlib(nil), func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
		"flate": {codec.Deflate(nil), func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil }},
	} {
		for _, text := range []string{"first", string(noise(100_000))} {
			z := must(t)(bytesThrough(c.pack, []byte(text), 0))
			for _, cut := range []int{0, 1, 1000} {
				f := codec.Decoder("test: decode", c.open)
				if got, err := bytesThrough(f, z, cut); err != nil || string(got) != text {
					t.Errorf("%s cut at %d: %d bytes of %d, %v", name, cut, len(got), len(text), err)
				}
				for _, tail := range []string{"x", string(z), string(noise(10_000))} {
					if _, err := bytesThrough(f, append(bytes.Clone(z), tail...), cut); !errors.Is(err,
						codec.ErrTrailing) {
						t.Errorf("%s cut at %d: %d bytes behind the end: %v", name, cut, len(tail), err)
					}
				}
				boom := errors.New("boom")
				if err := drain(stream.Via(failsAfter(z, boom), f)); err != boom { //nolint:errorlint // unchanged
					t.Errorf("%s: upstream: %v", name, err)
				}
			}
		}
	}
}

// TestDecoderCancelledByEOF cancels a run with io.EOF as the cause, before it has read anything.
func TestDecoderCancelledByEOF(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := codec.Decoder("test: decode", func(r io.Reader) (io.Reader, error) {
		cancel(io.EOF)
		return r, nil
	})
	err := stream.Via(pieces([]byte("some text"), 0), f).Each(ctx, func([]byte) error { return nil })
	if err != io.EOF { //nolint:errorlint // unchanged
		t.Errorf("%v, want the cause", err)
	}
}

func same(r io.Reader) (io.Reader, error) { return r, nil }

// disguise returns an open function whose reader replaces any error of the upstream by another.
func disguise(as error) func(io.Reader) (io.Reader, error) {
	return func(r io.Reader) (io.Reader, error) {
		return readerFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			if err != nil {
				err = as
			}
			return n, err
		}), nil
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

type liar struct{}

func (liar) Read(p []byte) (int, error) { return len(p) + 1, nil }

func TestDecoderTellsUpstreamHowItEnded(t *testing.T) {
	boom := errors.New("boom")
	var heard error
	src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		heard = stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			for {
				if err := emit([]byte("x")); err != nil {
					return err
				}
			}
		}).Each(ctx, emit)
		return heard
	})
	f := codec.Decoder("test: decode", same)
	err := stream.Via(src, f).Each(context.Background(), func([]byte) error { return boom })
	if err != boom || heard != boom { //nolint:errorlint // unchanged
		t.Errorf("downstream failed: %v, upstream heard %v", err, heard)
	}
	if _, err := stream.Run(context.Background(), stream.Via2(src, f, stream.Take[[]byte](3)),
		sink.Discard[[]byte]()); err != nil || !stream.Stopped(heard) {
		t.Errorf("early end: %v, upstream heard %v", err, heard)
	}
	heard = nil
	func() {
		defer func() { _ = recover() }()
		_ = stream.Via(src, f).Each(context.Background(), func([]byte) error { panic("boom") })
	}()
	if heard == nil || stream.Stopped(heard) {
		t.Errorf("panic: upstream heard %v, not a failure", heard)
	}
}

func TestDecoderClosesOnce(t *testing.T) {
	for name, emitted := range map[string]error{"complete": nil, "failed": io.ErrShortBuffer} {
		d := new(decoder)
		f := codec.Decoder("test: decode", func(r io.Reader) (io.Reader, error) { d.Reader = r; return d, nil })
		err := stream.Via(pieces(noise(1000), 10), f).Each(context.Background(), func([]byte) error { return emitted })
		if err != emitted || d.closed != 1 { //nolint:errorlint // unchanged
			t.Errorf("%s: %v, closed %d times", name, err, d.closed)
		}
	}
}
