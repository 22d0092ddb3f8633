package codec_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestBlocksOfChunks: chunks of any size become the same members, frames and blocks, whether they
// are copied into blocks or passed to the goroutines. The chunks are parts of one array, which must
// not change.
func TestBlocksOfChunks(t *testing.T) {
	lines := corpus.Lines(3 << 20)
	for name, text := range map[string][]byte{
		"lines": lines, "one line": bytes.ReplaceAll(lines, []byte("\n"), []byte(" ")),
		"a line longer than a block": append(bytes.Repeat([]byte("x"), 1<<20+100), lines...),
	} {
		for codecName, pack := range map[string]func(n int) stream.Flow[[]byte, []byte]{
			"gzip": func(n int) stream.Flow[[]byte, []byte] {
				return codec.Gzip(&codec.GzipOptions{Level: 1, Parallelism: n})
			},
			"deflate": func(n int) stream.Flow[[]byte, []byte] {
				return codec.Deflate(&codec.DeflateOptions{Level: 1, Parallelism: n})
			},
			"zstd": func(n int) stream.Flow[[]byte, []byte] {
				return codec.Zstd(&codec.ZstdOptions{Level: 1, Parallelism: n})
			},
			"s2": func(n int) stream.Flow[[]byte, []byte] { return codec.S2(&codec.S2Options{Parallelism: n}) },
		} {
			packed := func(n, size int) []byte {
				given := bytes.Clone(text)
				out, err := stream.Run(t.Context(),
					stream.Via(source.Slice(slices.Collect(chunksWithSpare(given, size))), pack(n)),
					sink.Slice[[]byte]())
				if err != nil || !bytes.Equal(given, text) {
					t.Fatalf("%s, %s: the input changed, %v", codecName, name, err)
				}
				return bytes.Join(out, nil)
			}
			want := packed(1, 64<<10)
			for _, size := range []int{100, 16<<10 - 1, 16 << 10, 100_000, 1 << 20, 1<<20 + 1, len(text)} {
				if got := packed(2, size); !bytes.Equal(got, want) {
					t.Errorf("%s, %s: chunks of %d become %d bytes, and others %d", codecName, name, size, len(got),
						len(want))
				}
			}
		}
	}
}

// chunksWithSpare cuts p into chunks whose capacity reaches into the next ones.
func chunksWithSpare(p []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := 0; i < len(p); i += size {
			if !yield(p[i:min(i+size, len(p))]) {
				return
			}
		}
	}
}
