package codec_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestTextContract(t *testing.T) {
	for name, c := range map[string]struct {
		pack, unpack func() flow
		text         func([]byte) string
	}{
		"Base64": {func() flow {
			return codec.Base64(nil)
		}, func() flow { return codec.Unbase64(nil) }, base64.StdEncoding.EncodeToString},
		"Hex": {codec.Hex, codec.Unhex, hex.EncodeToString},
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New: c.pack,
				Want: func(t *testing.T, in, out [][]byte) {
					if got := bytes.Join(out, nil); string(got) != c.text(bytes.Join(in, nil)) {
						t.Errorf("%.100q", got)
					}
				},
			})
		})
		t.Run("Un"+name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New:   c.unpack,
				Input: func(n int) [][]byte { return chunksOf([]byte(c.text(noise(50*n))), 30) },
				Want: func(t *testing.T, in, out [][]byte) {
					if got := bytes.Join(out, nil); c.text(got) != string(bytes.Join(in, nil)) {
						t.Errorf("%d bytes of %d", len(got), len(bytes.Join(in, nil)))
					}
				},
			})
		})
	}
}

func TestText(t *testing.T) {
	options := map[string]struct {
		o   *codec.Base64Options
		std *base64.Encoding
	}{
		"standard": {nil, base64.StdEncoding},
		"zero":     {&codec.Base64Options{}, base64.StdEncoding},
		"url":      {&codec.Base64Options{URL: true}, base64.URLEncoding},
		"raw":      {&codec.Base64Options{NoPadding: true}, base64.RawStdEncoding},
		"raw url":  {&codec.Base64Options{URL: true, NoPadding: true}, base64.RawURLEncoding},
	}
	for _, size := range []int{0, 1, 2, 3, 4, 5, 767, 768, 769, 64<<10 - 1, 64 << 10, 64<<10 + 1, 200_000} {
		data := noise(size)
		for name, c := range options {
			text := must(t)(bytesThrough(codec.Base64(c.o), data, 1000))
			if string(text) != c.std.EncodeToString(data) {
				t.Fatalf("base64, %s: %d bytes: other text", name, size)
			}
			for _, cut := range []int{0, 1, 5} {
				if cut == 1 && size > 1000 {
					continue
				}
				if got, err := bytesThrough(codec.Unbase64(c.o), text, cut); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("base64, %s: %d bytes cut at %d: %v", name, size, cut, err)
				}
			}
		}
		text := must(t)(bytesThrough(codec.Hex(), data, 1000))
		if string(text) != hex.EncodeToString(data) {
			t.Fatalf("hex: %d bytes: other text", size)
		}
		if got, err := bytesThrough(codec.Unhex(), bytes.ToUpper(text), 7); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("hex: %d bytes: %v", size, err)
		}
	}
	if got, err := bytesThrough(codec.Unbase64(nil), []byte("YW\nJj\r\nZGVm\n"), 3); err != nil ||
		string(got) != "abcdef" {
		t.Errorf("base64 with newlines: %q, %v", got, err)
	}
}

func TestTextErrors(t *testing.T) {
	raw := &codec.Base64Options{NoPadding: true}
	for _, c := range []struct {
		f    flow
		in   string
		want error // nil: the decoder's own
	}{
		{codec.Unbase64(nil), "Y", io.ErrUnexpectedEOF},
		{codec.Unbase64(nil), "YWJjY", io.ErrUnexpectedEOF},
		{codec.Unbase64(nil), "YWI", io.ErrUnexpectedEOF},
		{codec.Unbase64(nil), "YQ=", nil},
		{codec.Unbase64(nil), "YW-_", nil},
		{codec.Unbase64(nil), "YW J", nil},
		{codec.Unbase64(nil), "YR==", nil}, // the unused bits of the last character are not zero
		{codec.Unbase64(nil), "YQ==x", codec.ErrSyntax},
		{codec.Unbase64(nil), "YQ==\nYQ==", nil},
		{codec.Unbase64(nil), "YQ==YQ==", nil},
		{codec.Unbase64(raw), "YR", codec.ErrSyntax},
		{codec.Unbase64(nil), "=", nil},
		{codec.Unbase64(nil), "YWJj====", nil},
		{codec.Unbase64(raw), "YQ==", nil},
		{codec.Unbase64(raw), "Y", io.ErrUnexpectedEOF},
		{codec.Unhex(), "a", io.ErrUnexpectedEOF},
		{codec.Unhex(), "abc", io.ErrUnexpectedEOF},
		{codec.Unhex(), "ab\n", nil},
		{codec.Unhex(), "0x", nil},
	} {
		for cut := range 9 {
			if got, err := bytesThrough(c.f, []byte(c.in), cut); err == nil || c.want != nil &&
				!errors.Is(err, c.want) {
				t.Errorf("%q cut at %d: %q, %v", c.in, cut, got, err)
			}
		}
	}
}

func TestUnbase64Offsets(t *testing.T) {
	for in, want := range map[string]int64{
		"YWJ*": 3, "YWJj\nY\r\nQ*=": 9, "YWJjYWJjYW*jYWJjYWJj": 10, "YWJjYR==": 6,
		"\n\nY": 3, "YQ==\n\nY": 6,
	} {
		for cut := range 9 {
			_, err := bytesThrough(codec.Unbase64(nil), []byte(in), cut)
			var at *codec.InputError
			if !errors.As(err, &at) || at.Offset != want {
				t.Errorf("%q cut at %d: %v, want byte %d", in, cut, err, want)
			}
		}
	}
}

// TestUnbase64Memory decodes a chunk with newlines and checks the allocated memory.
func TestUnbase64Memory(t *testing.T) {
	data := noise(3 << 20)
	for _, newline := range []string{"\n", "\r\n", "\r"} {
		var b bytes.Buffer
		w := base64.NewEncoder(base64.StdEncoding, &b)
		for line := range slices.Chunk(data, 57) {
			_, _ = w.Write(line)
			b.WriteString(newline)
		}
		_ = w.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := drain(stream.Via(source.Of(b.Bytes()), codec.Unbase64(nil))); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(b.Len()); got > most {
			t.Errorf("newline %q: %d bytes for a chunk of %d", newline, got, most)
		}
	}
}

func TestUnhexOffsets(t *testing.T) {
	for in, want := range map[string]struct {
		at  int64
		err error
	}{
		"g":     {0, hex.InvalidByteError('g')},
		"0g":    {1, hex.InvalidByteError('g')},
		"00ffG": {4, hex.InvalidByteError('G')},
		"00-f0": {2, hex.InvalidByteError('-')},
		"aB0\n": {3, hex.InvalidByteError('\n')},
		"a":     {0, io.ErrUnexpectedEOF},
		"0001a": {4, io.ErrUnexpectedEOF},
	} {
		for cut := range 6 {
			_, err := bytesThrough(codec.Unhex(), []byte(in), cut)
			var at *codec.InputError
			if !errors.As(err, &at) || at.Offset != want.at || !errors.Is(err, want.err) {
				t.Errorf("%q cut at %d: %v, want %v at byte %d", in, cut, err, want.err, want.at)
			}
		}
	}
}

// TestTextChunks checks the chunks that the encoders emit, and that the decoders hold back no whole
// group.
func TestTextChunks(t *testing.T) {
	for name, f := range map[string]flow{"base64": codec.Base64(nil), "hex": codec.Hex()} {
		for _, size := range []int{0, 1, 1000, 100_000} {
			out, err := through(f, noise(150_000), size)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out[:len(out)-1] {
				if len(p) != 64<<10 {
					t.Errorf("%s by %d: a chunk of %d bytes", name, size, len(p))
				}
			}
		}
	}
	for _, c := range []struct {
		f    flow
		in   string
		cut  int
		want []string
	}{
		{codec.Unbase64(nil), "YWJjZGVmZ2hp", 5, []string{"abc", "def", "ghi"}},
		{codec.Unbase64(nil), "YWJj\nZGVm\nZ2hp", 7, []string{"abc", "defghi"}},
		{codec.Unbase64(nil), "YWJjZGVmZ2hp", 2, []string{"abc", "def", "ghi"}},
		{codec.Unhex(), "616263646566", 3, []string{"a", "bc", "d", "ef"}},
	} {
		if out, err := through(c.f, []byte(c.in), c.cut); err != nil || !slices.EqualFunc(out, c.want, sameText) {
			t.Errorf("%q by %d: %q, %v", c.in, c.cut, out, err)
		}
	}
}

// TestBase64Command lets the base64 program read our output and write our input.
func TestBase64Command(t *testing.T) {
	path, data := tool(t, "base64"), noise(100_000)
	run := func(in []byte, args ...string) []byte {
		cmd := exec.Command(path, args...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := run(must(t)(bytesThrough(codec.Base64(nil), data, 0)), "-d"); !bytes.Equal(got, data) {
		t.Errorf("it reads %d bytes", len(got))
	}
	if got := must(t)(bytesThrough(codec.Unbase64(nil), run(data), 0)); !bytes.Equal(got, data) {
		t.Errorf("we read %d bytes", len(got))
	}
}

func FuzzUnbase64(f *testing.F) {
	f.Add("YWJj\nYQ==", 1)
	f.Add("YQ=\n=", 2)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		got, err := bytesThrough(codec.Unbase64(nil), []byte(text), max(cut, 0))
		want, werr := base64.StdEncoding.Strict().DecodeString(text)
		if (err == nil) != (werr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, %v; want %q, %v", text, got, err, want, werr)
		}
		if err != nil {
			_, uncut := bytesThrough(codec.Unbase64(nil), []byte(text), 0)
			if uncut == nil || uncut.Error() != err.Error() {
				t.Fatalf("%q cut at %d: %v, uncut: %v", text, cut, err, uncut)
			}
		}
	})
}

func FuzzUnhex(f *testing.F) {
	f.Add("00fFg", 1)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		got, err := bytesThrough(codec.Unhex(), []byte(text), max(cut, 0))
		want, werr := hex.DecodeString(text)
		if (err == nil) != (werr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, %v; want %q, %v", text, got, err, want, werr)
		}
	})
}

func show(src stream.Source[[]byte]) {
	var b strings.Builder
	_, err := stream.Run(context.Background(), src, sink.Writer(&b))
	fmt.Printf("%s %v\n", b.String(), err)
}

func ExampleBase64() {
	show(stream.Via(source.Of([]byte("through"), []byte(" the mill")), codec.Base64(nil)))
	// Output: dGhyb3VnaCB0aGUgbWlsbA== <nil>
}

func ExampleUnbase64() {
	show(stream.Via(source.Of([]byte("dGhyb3VnaCB0a"), []byte("GUgbWlsbA==\n")), codec.Unbase64(nil)))
	// Output: through the mill <nil>
}

func ExampleHex() {
	show(stream.Via(source.Of([]byte("mill")), codec.Hex()))
	// Output: 6d696c6c <nil>
}

func ExampleUnhex() {
	show(stream.Via(source.Of([]byte("6d696c"), []byte("6C")), codec.Unhex()))
	// Output: mill <nil>
}
