package bsoncodec_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
)

// shapes returns the documents of the benchmarks: 64 of each shape.
func shapes() []shape {
	c := corpus.New(3)
	all := []shape{{name: "cookie"}, {name: "event"}, {name: "big"}}
	for i, f := range []func() bson.Raw{c.Cookie, c.Event, c.Big} {
		for _, doc := range corpus.Docs(64, f) {
			text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
			if err != nil {
				panic(err)
			}
			all[i].docs, all[i].texts = append(all[i].docs, doc), append(all[i].texts, text)
		}
	}
	return all
}

type shape struct {
	name  string
	docs  []bson.Raw
	texts [][]byte
}

func BenchmarkAppendExtJSON(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(s.docs[0])))
			b.ReportAllocs()
			var dst []byte
			for i := 0; b.Loop(); i++ {
				dst, _ = bsoncodec.AppendExtJSON(dst[:0], s.docs[i%64], nil)
			}
		})
		b.Run(s.name+"/driver", func(b *testing.B) {
			b.SetBytes(int64(len(s.docs[0])))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := bson.MarshalExtJSON(s.docs[i%64], true, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendBSON(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(s.docs[0])))
			b.ReportAllocs()
			var dst []byte
			for i := 0; b.Loop(); i++ {
				dst, _ = bsoncodec.AppendBSON(dst[:0], s.texts[i%64], nil)
			}
		})
		b.Run(s.name+"/driver", func(b *testing.B) {
			b.SetBytes(int64(len(s.docs[0])))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var doc bson.Raw
				if err := bson.UnmarshalExtJSON(s.texts[i%64], true, &doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
