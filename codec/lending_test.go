package codec_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// lentPieces is a source of pieces that share one buffer, which is overwritten in between.
type lentPieces struct {
	data []byte
	size int
}

func (s lentPieces) Each(ctx context.Context, emit func([]byte) error) error {
	return pieces(s.data, s.size).Each(ctx, emit)
}

func (s lentPieces) WriteTo(ctx context.Context, w io.Writer) error {
	var buf []byte
	return s.Each(ctx, func(p []byte) error {
		buf = append(buf[:0], p...)
		_, err := w.Write(buf)
		for i := range buf {
			buf[i] = '\n' ^ 0x55
		}
		return err
	})
}

// fields turns each chunk into a record of one field.
var fields = stream.Map(func(p []byte) []string { return []string{string(p)} })

// lenders are the flows that lend, with an input for each.
var lenders = func() map[string]struct {
	f  flow
	in []byte
} {
	type c = struct {
		f  flow
		in []byte
	}
	text := bytes.ReplaceAll(jsonText(200_000), []byte("\":"), []byte("\r\n"))
	text = append(text, bytes.Repeat([]byte("long"), 50_000)...) // the last line, without a newline
	data := noise(150_001)
	packed := func(f flow) []byte {
		chunks, err := through(f, text, 0)
		if err != nil {
			panic(err)
		}
		return bytes.Join(chunks, nil)
	}
	return map[string]c{
		"Lines":         {codec.SplitLines(nil), text},
		"Lines trimmed": {codec.SplitLines(&codec.SplitLinesOptions{TrimCR: true, SkipEmpty: true}), text},
		"Delimited":     {codec.SplitDelimited([]byte("\r\n"), nil), text},
		"Base64":        {codec.Base64(nil), data},
		"Unbase64":      {codec.Unbase64(nil), []byte(base64.StdEncoding.EncodeToString(data))},
		"Hex":           {codec.Hex(), data},
		"Unhex":         {codec.Unhex(), []byte(hex.EncodeToString(data))},
		"Gzip":          {codec.Gzip(nil), text},
		"Gzip thorough": {codec.Gzip(&codec.GzipOptions{Level: 9}), text},
		"Deflate":       {codec.Deflate(nil), data},
		"Zstd":          {codec.Zstd(nil), data},
		"Gunzip":        {codec.Gunzip(nil), packed(codec.Gzip(nil))},
		"Inflate":       {codec.Inflate(nil), packed(codec.Deflate(nil))},
		"Unzstd":        {codec.Unzstd(nil), packed(codec.Zstd(nil))},
		"Unzstd blocks": {codec.Unzstd(nil), packed(codec.Zstd(&codec.ZstdOptions{Parallelism: 1}))},
		"JSONLines":     {stream.Then(codec.Rechunk(100), codec.JSONLines[[]byte](nil)), data},
		"CSV":           {stream.Then(codec.Rechunk(100), stream.Then(fields, codec.CSV(nil))), text},
		"JSONArray":     {stream.Then(codec.Rechunk(100_000), codec.JSONArray[[]byte](nil)), data},
	}
}()

// TestLent compares the elements that a flow lends with those that the receiver owns. Owned
// elements must not change until the end, and their spare capacity must not be shared.
func TestLent(t *testing.T) {
	for name, c := range lenders {
		for _, size := range []int{0, 7, 1000, 64 << 10} {
			t.Run(fmt.Sprint(name, " by ", size), func(t *testing.T) {
				var want, lent [][]byte
				kept, err := through(c.f, c.in, size)
				if err != nil {
					t.Fatal(err)
				}
				src := stream.Via[[]byte, []byte](lentPieces{c.in, size}, c.f)
				if _, ok := src.(stream.Lender); !ok {
					t.Fatal("it does not lend")
				}
				err = stream.Via(pieces(c.in, size), c.f).Each(context.Background(), func(p []byte) error {
					want = append(want, bytes.Clone(p))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				err = stream.EachLent(context.Background(), src, func(p []byte) error {
					lent = append(lent, bytes.Clone(p))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				sameElements(t, lent, want)
				sameElements(t, kept, want)
				for i := range kept {
					room := kept[i][len(kept[i]):cap(kept[i])]
					for j := range room {
						room[j] ^= 0xff
					}
				}
				sameElements(t, kept, want)
			})
		}
	}
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLentIsRefused(t *testing.T) {
	full := errors.New("full")
	for name, c := range lenders {
		for _, w := range []struct {
			write writerFunc
			want  error
		}{
			{func([]byte) (int, error) { return 0, full }, full},
			{func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
		} {
			calls := 0
			src, ok := stream.Via(pieces(c.in, 1000), c.f).(stream.Lender)
			if !ok {
				t.Fatalf("%s does not lend", name)
			}
			err := src.WriteTo(context.Background(), writerFunc(func(p []byte) (int, error) {
				calls++
				return w.write(p)
			}))
			if !errors.Is(err, w.want) || calls != 1 {
				t.Errorf("%s: %v after %d writes, want %v after one", name, err, calls, w.want)
			}
		}
	}
}

// TestLentCancelled cancels a run while it processes its only input chunk. The run must end before
// the next output.
func TestLentCancelled(t *testing.T) {
	for _, name := range []string{"Lines", "Delimited", "Base64", "Hex"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		stop, calls := errors.New("stop"), 0
		err := stream.EachLent(ctx, stream.Via(pieces(lenders[name].in, 0), lenders[name].f), func([]byte) error {
			calls++
			cancel(stop)
			return nil
		})
		if !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%s: %v after %d elements", name, err, calls)
		}
	}
}

// TestLentMemory checks that the memory does not grow with the input when chunks are lent.
func TestLentMemory(t *testing.T) {
	for name, c := range lenders {
		switch name {
		case "CSV", "JSONLines", "JSONArray", "Zstd": // the elements or the encoder allocate
			continue
		case "Gunzip", "Inflate", "Unzstd", "Unzstd blocks": // half of a stream does not decode
			continue
		}
		half := append(bytes.Clone(c.in[:len(c.in)/12*4]), '\n') // whole groups
		if name != "Lines" && name != "Lines trimmed" && name != "Delimited" {
			half = half[:len(half)-1]
		}
		allocs := func(times int) float64 {
			src := stream.Via[[]byte, []byte](repeated{half, times}, c.f)
			return testing.AllocsPerRun(3, func() {
				if _, err := stream.Run(context.Background(), src, sink.Writer(io.Discard)); err != nil {
					t.Fatal(err)
				}
			})
		}
		times, slack := 20, 1.0
		if strings.HasPrefix(name, "Gzip") || strings.HasPrefix(name, "Deflate") {
			times, slack = 80, 40 // a pool drops encoders at random; 78 more pieces are still more than that
		}
		if once, more := allocs(2), allocs(times); more > once+slack {
			t.Errorf("%s: %v allocations for 2 pieces, %v for %d", name, once, more, times)
		}
	}
}

// repeated is a source of the same chunk many times, in two pieces.
type repeated struct {
	chunk []byte
	times int
}

func (s repeated) Each(_ context.Context, emit func([]byte) error) error {
	middle := len(s.chunk) / 2
	for range s.times {
		for _, p := range [][]byte{s.chunk[:middle:middle], s.chunk[middle:]} {
			if err := emit(p); err != nil {
				return err
			}
		}
	}
	return nil
}
