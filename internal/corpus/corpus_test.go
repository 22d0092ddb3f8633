package corpus_test

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/corpus"
)

// The sizes of the shapes are those of docs/performance.md.
func TestShapes(t *testing.T) {
	c := corpus.New(1)
	for name, s := range map[string]struct {
		make func() bson.Raw
		want int
	}{
		"cookie": {c.Cookie, 178}, "event": {c.Event, 878}, "big": {c.Big, 8900}, "mix": {c.Mix, 1400},
	} {
		const n = 2000
		total := 0
		for _, doc := range corpus.Docs(n, s.make) {
			if err := doc.Validate(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			total += len(doc)
		}
		t.Logf("%s: %d bytes on average", name, total/n)
		if got := total / n; got < s.want*95/100 || got > s.want*105/100 {
			t.Errorf("%s: %d bytes on average, want about %d", name, got, s.want)
		}
	}
}

func TestTheSameSeedGivesTheSameDocuments(t *testing.T) {
	a, again, b := corpus.New(7), corpus.New(7), corpus.New(8)
	same := 0
	for n := range 500 {
		doc := a.Mix()
		if !bytes.Equal(doc, again.Mix()) {
			t.Fatalf("document %d differs from that of the same seed", n)
		}
		if bytes.Equal(doc, b.Mix()) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d documents of another seed are the same", same)
	}
}

func TestIdentifiersAscend(t *testing.T) {
	c := corpus.New(7)
	var last bson.ObjectID
	for n := range 100_000 {
		id := c.Cookie().Lookup("_id").ObjectID()
		if bytes.Compare(id[:], last[:]) <= 0 {
			t.Fatalf("document %d: %v does not follow %v", n, id, last)
		}
		last = id
	}
}
