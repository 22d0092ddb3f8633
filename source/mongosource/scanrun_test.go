package mongosource

import (
	"bytes"
	"slices"
	"testing"
	"unsafe"

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

// The document that is held back does not keep the memory of its batch.
func TestHeldDocumentKeepsNoBatch(t *testing.T) {
	if !ownsReplies() {
		t.Skip("documents are copied")
	}
	docs := mongofixture.Numbered(t, 9)
	reply := slices.Concat(docs...)
	var batch []bson.Raw
	for at := 0; at < len(reply); at += len(docs[0]) {
		batch = append(batch, bson.Raw(reply[at:at+len(docs[0])]))
	}
	within := func(doc bson.Raw) bool {
		first := uintptr(unsafe.Pointer(unsafe.SliceData(reply)))
		at := uintptr(unsafe.Pointer(unsafe.SliceData(doc)))
		return at >= first && at < first+uintptr(len(reply))
	}
	_, coll := mongofixture.Serve(t, nil)
	last := docs[len(docs)-1]

	scan, err := newScan("scan", coll, bson.D{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &scanRun{scan: scan}
	err = r.emit(t.Context(), batch, func(*scanRun, bson.Raw) error { return nil })
	if err != nil || !bytes.Equal(r.held, last) || within(r.held) {
		t.Errorf("a scan holds %v, %v", r.held, err)
	}

	split, err := newSplit(coll, bson.D{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &splitRun{split: split, places: make([]rangePosition, 1), counts: make([]int64, 1)}
	err = s.take(t.Context(), part{docs: batch}, func(*splitRun, bson.Raw, bool) error { return nil })
	if err != nil || !bytes.Equal(s.held.doc, last) || within(s.held.doc) {
		t.Errorf("a split holds %v, %v", s.held.doc, err)
	}
}
