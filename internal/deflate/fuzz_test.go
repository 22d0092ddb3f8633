package deflate_test

import (
	"bytes"
	"testing"

	"github.com/millweir/millweir/internal/deflate"
)

// FuzzEncode compresses any text at any level, repeated so that it spans blocks, and cut anywhere.
// The output must decode to the text and stay within the bound. The cuts must not change it.
func FuzzEncode(f *testing.F) {
	for name := range texts {
		f.Add(texts[name](3000), uint8(len(name)), uint16(7), uint8(40))
	}
	f.Add([]byte{}, uint8(1), uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed []byte, level uint8, cut uint16, times uint8) {
		text := make([]byte, 0, 3*blockText)
		for n := range int(times) + 1 {
			if len(text)+len(seed)+1 > cap(text) {
				break
			}
			text = append(text, seed...)
			if n%3 == 2 {
				text = append(text, byte(n)) // to vary the distances
			}
		}
		l := 1 + int(level)%deflate.MaxLevel
		z := deflate.AppendStream(nil, text, l)
		decodes(t, z, text)
		if len(z) > maxCompressed(len(text)) {
			t.Fatalf("%d bytes became %d", len(text), len(z))
		}
		if got := compressInPieces(t, text, l, 1+int(cut)); !bytes.Equal(got, z) {
			t.Fatalf("cut at %d: %d bytes, want %d", 1+int(cut), len(got), len(z))
		}
		half := len(text) / 2
		pieces := deflate.AppendStream(deflate.AppendPart(nil, text[:half], l), text[half:], l)
		decodes(t, pieces, text)
	})
}
