package bsoncodec_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// BenchmarkParallel measures the parallel forms. In its CPU profile, the share of the goroutines
// that do not convert bounds the speed-up by more cores.
func BenchmarkParallel(b *testing.B) {
	docs := corpus.Docs(10_000, corpus.New(3).Mix)
	cores := runtime.GOMAXPROCS(0)
	var text bytes.Buffer
	if _, err := stream.Run(b.Context(), stream.Via(source.Slice(docs), bsoncodec.ExtJSON(nil)),
		sink.Writer(&text)); err != nil {
		b.Fatal(err)
	}
	var chunks [][]byte
	for rest := text.Bytes(); len(rest) > 0; {
		n := min(1<<20, len(rest)) // as of a parallel Gunzip
		chunks, rest = append(chunks, rest[:n:n]), rest[n:]
	}
	b.Run("ExtJSON", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		flow := bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: cores})
		for b.Loop() {
			if _, err := stream.Run(b.Context(), stream.Via(source.Slice(docs), flow),
				sink.Writer(io.Discard)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ParseExtJSON", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		flow := bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: cores})
		for b.Loop() {
			if _, err := stream.Run(b.Context(), stream.Via(source.Slice(chunks), flow),
				sink.Discard[bson.Raw]()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
