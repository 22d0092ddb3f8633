package bsonrand_test

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonrand"
)

func TestDocumentsAreWhole(t *testing.T) {
	for _, odd := range []bool{false, true} {
		g, again := bsonrand.New(7), bsonrand.New(7)
		g.Odd, again.Odd = odd, odd
		types := map[bson.Type]int{}
		for n := range 2000 {
			doc := g.Doc()
			if err := doc.Validate(); err != nil && !odd { // the driver refuses odd booleans
				t.Fatalf("document %d: %v", n, err)
			}
			if !bytes.Equal(doc, again.Doc()) {
				t.Fatalf("document %d differs from that of the same seed", n)
			}
			elements, _ := doc.Elements()
			for _, e := range elements {
				types[e.Value().Type]++
			}
		}
		if len(types) != 21 {
			t.Errorf("odd %v: %d types of 21 were made: %v", odd, len(types), types)
		}
	}
}

// The sizes of the shapes are those of docs/performance.md.
func TestShapes(t *testing.T) {
	g := bsonrand.New(1)
	for name, c := range map[string]struct {
		make func() bson.Raw
		want int
	}{
		"cookie": {g.Cookie, 178}, "event": {g.Event, 878}, "big": {g.Big, 8900}, "mix": {g.Mix, 1400},
	} {
		const n = 2000
		total := 0
		for range n {
			doc := c.make()
			if err := doc.Validate(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			total += len(doc)
		}
		t.Logf("%s: %d bytes on average", name, total/n)
		if got := total / n; got < c.want*95/100 || got > c.want*105/100 {
			t.Errorf("%s: %d bytes on average, want about %d", name, got, c.want)
		}
	}
}
