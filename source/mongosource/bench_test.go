package mongosource

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// event returns a nested document of the size of a log entry.
func event(t testing.TB) bson.Raw {
	doc, err := bson.Marshal(bson.D{
		{Key: "_id", Value: bson.NewObjectID()},
		{Key: "user", Value: "user-123456"},
		{Key: "at", Value: time.Unix(1e9, 0)},
		{Key: "ip", Value: "10.0.0.1"},
		{Key: "nested", Value: bson.D{
			{Key: "a", Value: 1.5},
			{Key: "b", Value: bson.A{1, 2, 3, "four"}},
			{Key: "c", Value: bson.D{{Key: "d", Value: "e"}, {Key: "f", Value: true}}},
		}},
		{Key: "agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"},
		{Key: "tags", Value: bson.A{"x", "y", "z"}},
		{Key: "payload", Value: bytes.Repeat([]byte("p"), 400)},
		{Key: "n1", Value: 1},
		{Key: "n2", Value: 2},
		{Key: "n3", Value: int64(3)},
		{Key: "n4", Value: 4.0},
		{Key: "none", Value: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func BenchmarkCheckDocument(b *testing.B) {
	doc := event(b)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if checkDocument(doc) != nil {
			b.Fatal("bad")
		}
	}
}

func BenchmarkSlab(b *testing.B) {
	for _, size := range []int{178, 878, 8900} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var s slab
			doc := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				s.clone(doc)
			}
		})
	}
}
