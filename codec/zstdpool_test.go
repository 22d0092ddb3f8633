package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// TestZstdAgain compresses several texts in turn, with failing runs in between. Reused encoders
// must write the same bytes as new ones, and reused decoders must read them.
func TestZstdAgain(t *testing.T) {
	texts := [][]byte{
		jsonText(300_000), noise(70_000), nil, []byte("short"), bytes.Repeat([]byte("again "), 50_000),
		jsonText(1000),
	}
	broken := errors.New("broken")
	for _, level := range []int{1, 3, 6, 10} {
		f := codec.Zstd(&codec.ZstdOptions{Level: level})
		for i := range 3 * len(texts) {
			text := texts[i*5%len(texts)]
			t.Run(fmt.Sprintf("level %d, run %d", level, i), func(t *testing.T) {
				chunks, err := through(f, text, 9000)
				if err != nil {
					t.Fatal(err)
				}
				packed := bytes.Join(chunks, nil)
				if !bytes.Equal(packed, fresh(t, level, text)) {
					t.Error("it wrote other bytes than a new encoder")
				}
				plain, err := through(codec.Unzstd(nil), packed, 1000)
				if err != nil || !bytes.Equal(bytes.Join(plain, nil), text) {
					t.Errorf("it did not come back: %v", err)
				}
				if len(packed) > 20 {
					if _, err := through(codec.Unzstd(nil), packed[:len(packed)/2], 1000); err == nil {
						t.Error("half of it passed")
					}
					damaged := bytes.Clone(packed)
					damaged[len(damaged)-1] ^= 1 // flip a bit of the checksum
					if _, err := through(codec.Unzstd(nil), damaged, 1000); !errors.Is(err, zstd.ErrCRCMismatch) {
						t.Errorf("a damaged checksum: %v", err)
					}
				}
				src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
					return errors.Join(emit(texts[0]), broken)
				})
				if err := stream.Via(src, f).Each(t.Context(), func([]byte) error {
					return nil
				}); !errors.Is(err, broken) {
					t.Errorf("a run that breaks: %v", err)
				}
			})
		}
	}
}

// fresh returns text, compressed by a new encoder.
func fresh(t *testing.T, level int, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(1),
		zstd.WithZeroFrames(true))
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
