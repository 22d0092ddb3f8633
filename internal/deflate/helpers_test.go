package deflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/internal/deflate"
	"github.com/millweir/millweir/internal/inflate"
)

const (
	blockText = 96 << 10 // bytes of text in a block
	window    = 32 << 10 // largest distance of a match, in bytes
)

// maxCompressed returns the largest compressed size of size bytes: each block becomes two stored
// blocks, and the block before them may end inside a byte.
func maxCompressed(size int) int { return size + (size/blockText+1)*11 + 5 }

// documents returns size bytes of documents as canonical Extended JSON, one a line; 4 MiB at most.
func documents(size int) []byte { return manyDocuments()[:size:size] }

var manyDocuments = sync.OnceValue(func() []byte { return corpus.Lines(4 << 20) })

// noise returns size bytes that do not compress.
func noise(size int) []byte {
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

// counter returns consecutive binary numbers.
func counter(size int) []byte {
	var p []byte
	for n := uint32(0); len(p) < size; n++ {
		p = binary.BigEndian.AppendUint32(p, n)
	}
	return p[:size]
}

// skewedBytes returns bytes in which each value is about 1.6 times as frequent as the next. An
// optimal code for them has codes of more than 15 bits.
func skewedBytes(size int) []byte {
	var all []byte
	for value, n, next := byte(0), 1, 1; len(all)+n <= blockText; value, n, next = value+1, next, n+next {
		all = append(all, bytes.Repeat([]byte{value}, n)...)
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return bytes.Repeat(all, size/len(all)+1)[:size]
}

// texts generate each kind of text in the given size.
var texts = map[string]func(size int) []byte{
	"documents": documents,
	"noise":     noise,
	"zeros":     func(size int) []byte { return make([]byte, size) },
	"base64":    func(size int) []byte { return []byte(base64.StdEncoding.EncodeToString(noise(size)))[:size] },
	"words":     func(size int) []byte { return []byte(strings.Repeat("the quick brown fox. ", size/20+1))[:size] },
	"counter":   counter,
	"skewed":    skewedBytes,
	"halves": func(size int) []byte { // incompressible, then compressible
		return slices.Concat(noise(size/2), documents(size-size/2))
	},
	"pairs": func(size int) []byte { return bytes.Repeat([]byte{0, 255}, size/2+1)[:size] },
}

// compressInPieces compresses text with an Encoder that gets it in pieces of size bytes.
func compressInPieces(t testing.TB, text []byte, level, size int) []byte {
	t.Helper()
	var z bytes.Buffer
	e := deflate.NewEncoder(&z, level)
	defer e.Release()
	for p := range slices.Chunk(text, size) {
		if n, err := e.Write(p); n != len(p) || err != nil {
			t.Fatalf("wrote %d of %d bytes, %v", n, len(p), err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// decodes fails t unless both decoders decode z to text and read all of it.
func decodes(t testing.TB, z, text []byte) {
	t.Helper()
	src := bytes.NewReader(z)
	got, err := io.ReadAll(flate.NewReader(src))
	if err != nil || src.Len() > 0 || !bytes.Equal(got, text) {
		t.Fatalf("compress/flate made %d bytes of %d that mean %d, left %d, %v", len(got), len(z), len(text), src.Len(),
			err)
	}
	var d inflate.Decoder
	out := make([]byte, len(text)+1)
	n, used, err := d.DecodeFinal(out, 0, z)
	if !errors.Is(err, io.EOF) || used != len(z) || !bytes.Equal(out[:n], text) {
		t.Fatalf("inflate made %d bytes of %d that mean %d, took %d, %v", n, len(z), len(text), used, err)
	}
}
