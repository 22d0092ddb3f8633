package codec_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestCompressionOfBase64 compresses binary data in JSON as base64. It has no repetitions, but a
// quarter of its bits is redundant.
func TestCompressionOfBase64(t *testing.T) {
	raw := make([]byte, 3<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(raw)
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	for name, pair := range map[string]codec.Format[[]byte]{
		"gzip":           codec.GzipFormat(nil, nil),
		"gzip, level 1":  codec.GzipFormat(&codec.GzipOptions{Level: 1}, nil),
		"gzip, level 7":  codec.GzipFormat(&codec.GzipOptions{Level: 7}, nil),
		"gzip, parallel": codec.GzipFormat(&codec.GzipOptions{Level: 1, Parallelism: 2}, nil),
		"zlib, parallel": codec.ZlibFormat(&codec.DeflateOptions{Parallelism: 2}, nil),
	} {
		packed, err := stream.Run(t.Context(), stream.Via(source.Of(bytes.Clone(text)), pair.Encode()),
			sink.Slice[[]byte]())
		if err != nil {
			t.Fatal(err)
		}
		all := bytes.Join(packed, nil)
		if len(all) > len(text)*77/100 {
			t.Errorf("%s: %d bytes became %d", name, len(text), len(all))
		}
		back, err := stream.Run(t.Context(), stream.Via(source.Of(all), pair.Decode()), sink.Slice[[]byte]())
		if err != nil || !bytes.Equal(bytes.Join(back, nil), text) {
			t.Errorf("%s: it came back changed, %v", name, err)
		}
	}
}
