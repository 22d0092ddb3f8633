package codec_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestCheckpointsOfSegments checks that the compressed output up to a checkpoint decodes to all
// lines up to it, and that the whole output decodes to all lines.
func TestCheckpointsOfSegments(t *testing.T) {
	type position = stream.Checkpoint[int]
	const lines = 1000
	for name, flow := range map[string]stream.Flow[[]byte, []byte]{
		"gzip":           codec.Gzip(nil),
		"gzip, parallel": codec.Gzip(&codec.GzipOptions{Parallelism: 2}),
	} {
		for _, n := range []int{0, 1, 7, lines} {
			src := stream.Via3(source.Range(0, lines, 1),
				stream.Checkpoints(func(i int) int { return i }),
				stream.TryMap(stream.OnValue[position](func(_ context.Context, i int) ([]byte, error) {
					return fmt.Appendf(nil, "line %d\n", i), nil
				})),
				stream.CarrySegments[int](n, flow),
			)
			var out bytes.Buffer
			checked := 0
			store := stream.Map(func(e stream.Envelope[[]byte, position]) stream.Envelope[[]byte, position] {
				out.Write(e.Value)
				return e
			})
			last, err := stream.Run(t.Context(), stream.Via(src, store),
				stream.Acknowledge[[]byte](func(_ context.Context, at int) error {
					if checked++; checked > 20 && at < lines-1 {
						return nil
					}
					r, err := gzip.NewReader(bytes.NewReader(out.Bytes()))
					if err != nil {
						return err
					}
					text, err := io.ReadAll(r)
					if count := strings.Count(string(text), "\n"); count != at+1 {
						t.Errorf("%s in segments of %d: checkpoint %d is reached with %d lines", name, n, at, count)
					}
					return err
				}))
			if err != nil || last.Position != lines-1 || checked == 0 {
				t.Errorf("%s in segments of %d: %v, %v", name, n, last, err)
			}
		}
	}
}

// TestCarryRefusesCodecs checks that stream.Carry fails with flows that do not emit one element for
// each input element.
func TestCarryRefusesCodecs(t *testing.T) {
	type line = stream.Envelope[[]byte, int]
	for name, flow := range map[string]stream.Flow[[]byte, []byte]{
		"gzip":           codec.Gzip(nil),
		"gzip, parallel": codec.Gzip(&codec.GzipOptions{Parallelism: 2}),
		"zstd":           codec.Zstd(nil),
		"lines":          codec.SplitLines(nil),
		"base64":         codec.Base64(nil),
	} {
		src := stream.Via(source.Of(line{Value: []byte("a")}, line{Value: []byte("b"), Context: 1}),
			stream.Carry[int](flow))
		if got, err := stream.Run(t.Context(), src, sink.Slice[line]()); err == nil {
			t.Errorf("%s: %d elements, no error", name, len(got))
		}
	}
}
