package backup

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A segment with more documents or bytes than its catalog says fails before it emits the first one
// too many.
func TestSegmentTooLarge(t *testing.T) {
	store := newMemStore()
	r, err := Init(t.Context(), store, Keys{}, &InitOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	docs := numbers(t, 10_000)
	small := int64(len(docs[0]) + len(docs[1]) + len(docs[2]))
	for _, encoding := range []Encoding{JSONGzip, JSONZstd, BSONGzip, BSONZstd} {
		s := Segment{Object: "data/bomb", Encoding: encoding, Run: "x", Unit: 1}
		body, all := encoded(t, r.segmentPlace(&s, "db", "c"), encoding, nil, docs)
		store.objects[s.Object] = body
		s.Length, s.SHA256 = all.Length, all.SHA256
		for name, limit := range map[string]Tally{
			"documents": {Documents: 3, Bytes: all.Tally.Bytes},
			"bytes":     {Documents: all.Tally.Documents, Bytes: small},
			"none":      {},
			"whole":     all.Tally,
		} {
			s.Tally = limit
			var n, size int64
			err := r.segment(s, "db", "c", nil, newTally, nil).Each(t.Context(), func(doc bson.Raw) error {
				n, size = n+1, size+int64(len(doc))
				return nil
			})
			if errors.Is(err, ErrDamaged) != (name != "whole") || n > limit.Documents || size > limit.Bytes {
				t.Errorf("%s: %s: %d documents of %d bytes: %v", encoding, name, n, size, err)
			}
		}
	}
}
