package codec_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millweir/millweir/internal/chunktest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var (
	pieces = chunktest.Pieces
	noise  = chunktest.Noise
)

// flow is the type of most flows of this package.
type flow = stream.Flow[[]byte, []byte]

// through runs data through f, in pieces of size bytes, or in one piece if size is 0. It returns
// the emitted elements.
func through(f flow, data []byte, size int) ([][]byte, error) {
	return stream.Run(context.Background(), stream.Via(pieces(data, size), f), sink.Slice[[]byte]())
}

// bytesThrough is like through but joins the output.
func bytesThrough(f flow, data []byte, size int) ([]byte, error) {
	out, err := through(f, data, size)
	return bytes.Join(out, nil), err
}

// must returns a function that takes a result and fails the test on an error.
func must(t testing.TB) func([]byte, error) []byte {
	return func(p []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// drain runs src to its end.
func drain(src stream.Source[[]byte]) error {
	return src.Each(context.Background(), func([]byte) error { return nil })
}

// clone copies every chunk. Sources that emit the same slice in every run need it.
var clone = stream.Map(bytes.Clone)

// failsAfter is a source of data, in one piece, that then fails with err.
func failsAfter(data []byte, err error) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if e := pieces(data, 0).Each(ctx, emit); e != nil {
			return e
		}
		return err
	})
}

// jsonText returns at least n bytes of JSON lines that are about as random as documents: they
// compress to a third.
func jsonText(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b,
			`{"_id":{"$oid":"%08x%016x"},"user":"%s%d@example.com","n":{"$numberInt":"%d"},"ok":%t,"note":"`,
			1700000000+i, rnd.Uint64(), word(rnd), rnd.IntN(5000), rnd.IntN(1e6), i%3 == 0)
		for range 3 + rnd.IntN(20) {
			b = append(append(b, word(rnd)...), ' ')
		}
		b = fmt.Appendf(b, `\"quoted\" {braces} %x"}`+"\n", rnd.Uint64())
	}
	return b
}

// word returns one of a few thousand made-up words, the first ones more often.
func word(rnd *rand.Rand) string {
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	w := make([]byte, 0, 12)
	for x := uint64(rnd.ExpFloat64()*400) * 0x9E3779B97F4A7C15; len(w) < 4+int(x>>61); x = x>>5 ^ x<<9 {
		w = append(w, letters[x%26])
	}
	return string(w)
}
