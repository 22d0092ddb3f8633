package bsoncodec_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestFlippedLengths flips each bit in the length of a document that is followed by documents as
// long as the flip adds, and each bit of the newlines between lines. No document is lost without an
// error. BSON and JSON have no checksum: a flip inside a value only makes another value.
func TestFlippedLengths(t *testing.T) {
	document := func(size int) []byte { // {"a": text} of size bytes
		doc := binary.LittleEndian.AppendUint32(nil, uint32(size))
		doc = append(doc, "\x02a\x00"...)
		doc = binary.LittleEndian.AppendUint32(doc, uint32(size-12))
		return append(append(doc, bytes.Repeat([]byte("x"), size-13)...), 0, 0)
	}
	parse := func(f stream.Flow[[]byte, bson.Raw], in []byte) ([]bson.Raw, error) {
		return stream.Run(context.Background(), stream.Via(source.Of(in), f), sink.Slice[bson.Raw]())
	}
	for k := 4; k <= 15; k++ {
		in := bytes.Join([][]byte{document(20), document(1 << k), document(30)}, nil)
		if docs, err := parse(bsoncodec.ParseBSON(nil), bytes.Clone(in)); err != nil || len(docs) != 3 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for _, at := range []int{0, 20, 20 + 1<<k} {
			for bit := range 32 {
				bad := bytes.Clone(in)
				bad[at+bit/8] ^= 1 << (bit % 8)
				if docs, err := parse(bsoncodec.ParseBSON(nil), bad); err == nil {
					t.Errorf("a document of %d, byte %d, bit %d: %d documents without an error", 1<<k, at, bit,
						len(docs))
				}
			}
		}
	}
	lines := []byte("{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n")
	for i, c := range lines {
		for bit := range 8 {
			bad := bytes.Clone(lines)
			bad[i] ^= 1 << bit
			docs, err := parse(bsoncodec.ParseExtJSON(nil), bad)
			if err == nil && len(docs) != 3 {
				t.Errorf("%q at %d, bit %d: %d documents without an error", c, i, bit, len(docs))
			}
		}
	}
}
