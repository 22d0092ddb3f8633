package inflate_test

import (
	"bytes"
	"testing"

	"github.com/millweir/millweir/internal/corpus"
)

// FuzzDecode compares with compress/flate: it must accept the same input, with the same output,
// error, offset and end.
func FuzzDecode(f *testing.F) {
	for _, level := range []int{-2, 0, 1, 5, 9} {
		f.Add(pack(f, []byte("hello hello hello hello, hello"), level), uint64(level+2))
		f.Add(pack(f, corpus.Lines(3000), level), uint64(level+2))
	}
	f.Add(append(pack(f, bytes.Repeat([]byte("a"), 70_000), 5), "behind"...), uint64(0))
	f.Add([]byte{3, 0}, uint64(0))
	for name, z := range handmadeStreams() {
		f.Add(z, uint64(len(name)))
	}
	f.Fuzz(func(t *testing.T, z []byte, seed uint64) { differential(t, z, seed) })
}
