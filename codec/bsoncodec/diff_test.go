package bsoncodec_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
)

// driverExact returns what the driver writes for doc, and whether it reads that back byte for byte.
func driverExact(doc bson.Raw, canonical bool) ([]byte, bool) {
	text, err := bson.MarshalExtJSON(doc, canonical, false)
	if err != nil {
		return nil, false
	}
	var back bson.Raw
	if err := bson.UnmarshalExtJSON(text, canonical, &back); err != nil {
		return text, false
	}
	return text, bytes.Equal(back, doc)
}

func TestWriterAsDriver(t *testing.T) {
	for _, odd := range []bool{false, true} {
		exact, total := 0, 30000
		g := bsonrand.New(11)
		g.Odd = odd
		for n := range total {
			doc := g.Doc()
			for _, canonical := range []bool{true, false} {
				want, ok := driverExact(doc, canonical)
				if !ok || !json.Valid(want) || !utf8.Valid(want) { // it writes the namespace of a DBPointer as it is
					continue
				}
				if bytes.Contains(want, []byte("$millweirBSON")) { // has no meaning to it
					continue
				}
				if canonical {
					exact++
				}
				got, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: !canonical})
				if err != nil {
					t.Fatalf("document %d: %v", n, err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("document %d, canonical %v:\n got %s\nwant %s", n, canonical, got, want)
				}
			}
		}
		t.Logf("odd %v: the driver is exact for %d of %d", odd, exact, total)
	}
}

func TestRoundTripRandom(t *testing.T) {
	for _, odd := range []bool{false, true} {
		g := bsonrand.New(12)
		g.Odd = odd
		for n := range 50000 {
			doc := g.Doc()
			text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
			if err != nil {
				t.Fatalf("document %d: %v: %x", n, err, []byte(doc))
			}
			back, err := bsoncodec.AppendBSON(nil, text, nil)
			if err != nil {
				t.Fatalf("document %d: %v: %s", n, err, text)
			}
			if !bytes.Equal(back, doc) {
				t.Fatalf("document %d:\n got %x\nwant %x\n%s", n, back, []byte(doc), text)
			}
		}
	}
}
