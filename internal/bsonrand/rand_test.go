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
