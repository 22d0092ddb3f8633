package bsoncodec_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lenders are the flows that lend their chunks.
var lenders = map[string]stream.Flow[bson.Raw, []byte]{
	"BSON":              bsoncodec.BSON(&bsoncodec.BSONOptions{ChunkSize: 20_000}),
	"BSON alone":        bsoncodec.BSON(&bsoncodec.BSONOptions{ChunkSize: 1}),
	"ExtJSON":           bsoncodec.ExtJSON(nil),
	"ExtJSON line":      bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{ChunkSize: 1}),
	"ExtJSON, parallel": bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: 3, ChunkSize: 20_000}),
}

// TestLent compares the chunks that a flow lends with those that it gives away. The latter must not
// change.
func TestLent(t *testing.T) {
	docs := corpus.Docs(300, corpus.New(5).Mix)
	for name, f := range lenders {
		t.Run(name, func(t *testing.T) {
			src := stream.Via(source.Slice(docs), f)
			if _, ok := src.(stream.Lender); !ok {
				t.Fatal("it does not lend")
			}
			var want, lent [][]byte
			kept, err := stream.Run(t.Context(), src, sink.Slice[[]byte]())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range kept {
				want = append(want, bytes.Clone(p))
			}
			memory := map[*byte]bool{}
			err = stream.EachLent(t.Context(), src, func(p []byte) error {
				lent = append(lent, bytes.Clone(p))
				memory[&p[0]] = true
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !bytes.Equal(kept[i], want[i]) || !bytes.Equal(lent[i], want[i]) {
					t.Fatalf("chunk %d differs", i)
				}
			}
			if len(lent) != len(want) {
				t.Errorf("%d chunks lent, %d given away", len(lent), len(want))
			}
			limits := map[string]int{"BSON alone": len(lent), "ExtJSON, parallel": 10}
			if raced { // a sync.Pool drops memory at random
				limits["ExtJSON, parallel"] = len(lent)
			}
			if len(memory) > max(3, limits[name]) {
				t.Errorf("%d chunks lie in %d pieces of memory", len(lent), len(memory))
			}
		})
	}
}

func TestLentIsRefused(t *testing.T) {
	docs := corpus.Docs(300, corpus.New(5).Mix)
	full := errors.New("full")
	for name, f := range lenders {
		calls := 0
		err := stream.EachLent(t.Context(), stream.Via(source.Slice(docs), f), func([]byte) error {
			calls++
			return full
		})
		if !errors.Is(err, full) || calls != 1 {
			t.Errorf("%s: %v after %d chunks", name, err, calls)
		}
	}
}

// TestLentMemory shows that more documents do not take more memory if chunks are lent.
func TestLentMemory(t *testing.T) {
	c := corpus.New(5)
	docs := corpus.Docs(100, c.Cookie)
	for _, name := range []string{"BSON", "ExtJSON"} {
		allocs := func(times int) float64 {
			var all []bson.Raw
			for range times {
				all = append(all, docs...)
			}
			src := stream.Via(source.Slice(all), lenders[name])
			return testing.AllocsPerRun(3, func() {
				if _, err := stream.Run(t.Context(), src, sink.Writer(io.Discard)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if once, more := allocs(20), allocs(100); more > once+1 {
			t.Errorf("%s: %v allocations for 20 pieces, %v for 100", name, once, more)
		}
	}
}
