package codec_test

import (
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"testing"

	"github.com/millweir/millweir/codec"
)

// TestUnzlibErrors has streams with one fault each. The valid stream is "x\x9cK\x04\x00\x00b\x00b".
func TestUnzlibErrors(t *testing.T) {
	for name, c := range map[string]struct {
		z    string
		want error
	}{
		"right":             {"x\x9cK\x04\x00\x00b\x00b", nil},
		"method":            {"y\x14K\x04\x00\x00b\x00b", zlib.ErrHeader},
		"window of 64 KiB":  {"\x88\x1cK\x04\x00\x00b\x00b", zlib.ErrHeader},
		"check of header":   {"x\x9dK\x04\x00\x00b\x00b", zlib.ErrHeader},
		"dictionary":        {"x\xbb\x00\x62\x00\x62K\x04\x00\x00b\x00b", zlib.ErrDictionary},
		"checksum":          {"x\x9cK\x04\x00\x00b\x00c", zlib.ErrChecksum},
		"what follows":      {"x\x9cK\x04\x00\x00b\x00b.", codec.ErrTrailing},
		"half a header":     {"x", io.ErrUnexpectedEOF},
		"half a checksum":   {"x\x9cK\x04\x00\x00b", io.ErrUnexpectedEOF},
		"a reserved block":  {"x\x9c\x07\x04\x00\x00b\x00b", flate.CorruptInputError(1)},
		"an empty checksum": {"x\x9cK\x04\x00", io.ErrUnexpectedEOF},
	} {
		for size := range 3 {
			if _, err := bytesThrough(codec.Unzlib(nil), []byte(c.z), size); !errors.Is(err, c.want) {
				t.Errorf("%s, by %d: %v; want %v", name, size, err, c.want)
			}
		}
	}
}
