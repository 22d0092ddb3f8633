package mongosink

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// More inserts are lost than are kept. Other inserts may follow, and nothing else.
func TestLateWritesOverflow(t *testing.T) {
	statements := func(v verb, from, to int) *batch {
		b := &batch{verb: v, ordered: true}
		b.begin(make([]byte, 4), 0)
		for i := from; i < to; i++ {
			doc := document(bson.D{{Key: "_id", Value: i}})
			if v == inserts {
				b.insert(int64(i), doc, layout{ids: 1}, false)
				continue
			}
			if err := b.write(int64(i), &Write{verb: v, filter: doc}); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	var writes, only lateWrites
	for from := 0; from <= maxLateWrites; from += maxLateWrites / 2 {
		b := statements(inserts, from, from+maxLateWrites/2)
		for late, onlyInserts := range map[*lateWrites]bool{&writes: false, &only: true} {
			if _, why := late.overturns(b); why != nil {
				t.Fatalf("inserts from %d on, only %v: %v", from, onlyInserts, why)
			}
			if err := late.note(b, collectionKind{uniqueIDs: true}, onlyInserts); err != nil {
				t.Fatal(err)
			}
		}
		b.free()
	}
	if len(only.ids) != 0 || len(writes.ids) != maxLateWrites || !writes.overflow {
		t.Errorf("%d and %d are kept", len(only.ids), len(writes.ids))
	}
	twice := statements(deletes, 5*maxLateWrites, 5*maxLateWrites+1)
	same := document(bson.D{{Key: "_id", Value: 5 * maxLateWrites}})
	if err := twice.write(1, &Write{verb: deletes, filter: same}); err != nil {
		t.Fatal(err)
	}
	if err := writes.note(twice, collectionKind{uniqueIDs: true}, false); err == nil {
		t.Error("a batch that writes one document twice is in order after an overflow")
	}
	far := statements(deletes, 10*maxLateWrites, 10*maxLateWrites+1)
	if _, why := writes.overturns(far); why == nil {
		t.Error("a deletion after an overflow is sent")
	}
}
