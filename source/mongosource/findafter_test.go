package mongosource

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
)

// The second query of a range continues after the first one, even if the downstream has cleared the
// documents by then.
func TestFindAfterClearedDocuments(t *testing.T) {
	docs := mongofixture.Numbered(t, 9)
	_, coll := mongofixture.Serve(t, docs)
	s, err := newScan("scan", coll, bson.D{}, &ScanOptions{BatchSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := &scanRun{scan: s, span: interval{low: idOf(docs[3])}}
	n := 0
	err = r.findAfter(t.Context(), "", func(batch []bson.Raw) error {
		for _, doc := range batch {
			n++
			clear(doc)
		}
		return nil
	})
	if err != nil || n != 6 {
		t.Errorf("%d documents, %v, want 6", n, err)
	}
}
