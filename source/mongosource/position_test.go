package mongosource_test

import (
	"encoding/json"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// positions runs a scan and returns the documents and their positions.
func positions(t *testing.T, src stream.Source[mongosource.Checkpointed]) (docs []bson.Raw,
	at []mongosource.Position, err error,
) {
	t.Helper()
	err = src.Each(t.Context(), func(e mongosource.Checkpointed) error {
		if !e.Context.Valid {
			t.Errorf("document %d has no position", len(docs))
		}
		docs, at = append(docs, e.Value), append(at, e.Context.Position)
		return nil
	})
	return docs, at, err
}

// A later process continues a scan exactly after any position, stored as JSON or BSON, of any type
// of _id. Only the last position is done.
func TestScanContinuesLater(t *testing.T) {
	docs := everyID(t)
	_, coll := serve(t, docs)
	got, at, err := positions(t, mongosource.ScanCheckpoints(coll, bson.D{}, quick(7)))
	if err != nil || !equal(got, docs) {
		t.Fatalf("%d documents of %d, %v", len(got), len(docs), err)
	}
	for i, p := range at {
		if last := i == len(docs)-1; p.Done() != last || !p.ID().Equal(docs[i].Lookup("_id")) {
			t.Errorf("document %d, _id %s: the position is %s", i, docs[i].Lookup("_id"), p)
		}
		opts := quick(4)
		if i%2 == 0 {
			text, err := json.Marshal(p)
			if err == nil {
				err = json.Unmarshal(text, &opts.After)
			}
			if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
		} else {
			type saved struct{ At mongosource.Position }
			var back saved
			if err := bson.Unmarshal(raw(t, saved{p}), &back); err != nil {
				t.Fatalf("%s: %v", p, err)
			}
			opts.After = back.At
		}
		if opts.After != p {
			t.Errorf("%s was read back as %s", p, opts.After)
		}
		rest, _, err := positions(t, mongosource.ScanCheckpoints(coll, bson.D{}, opts))
		if err != nil || !equal(rest, docs[i+1:]) {
			t.Errorf("after %s: %d documents, want %d, %v", p, len(rest), len(docs)-i-1, err)
		}
	}
}

// A position is done only if the end of the scan is proven: not if the run ends early.
func TestScanDone(t *testing.T) {
	docs := numbered(t, 20)
	_, coll := serve(t, docs)
	for _, n := range []int{1, 10, 19, 20} {
		early := stream.Via(mongosource.ScanCheckpoints(coll, bson.D{}, quick(10)),
			stream.Take[mongosource.Checkpointed](n))
		_, at, err := positions(t, early)
		if err != nil || at[len(at)-1].Done() != (n == 20) {
			t.Errorf("%d documents: %v, %v", n, at[len(at)-1], err)
		}
	}
}

// A position of another collection ends the run before the first document.
func TestScanAfterAPositionOfAnotherCollection(t *testing.T) {
	srv, coll := serve(t, numbered(t, 20))
	srv.Add("shop", "other", numbered(t, 20)...)
	_, at, err := positions(t, mongosource.ScanCheckpoints(coll, bson.D{}, quick(10)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other", "absent"} {
		for _, p := range []mongosource.Position{at[3], at[19]} {
			opts := quick(10)
			opts.After = p
			got, _, err := positions(t, mongosource.ScanCheckpoints(coll.Database().Collection(name), bson.D{}, opts))
			if len(got) != 0 || !errors.Is(err, mongosource.ErrCollectionChanged) {
				t.Errorf("%s, %s: %d documents, %v", name, p, len(got), err)
			}
		}
	}
}

// The positions of a resumed scan are those of one that is not.
func TestScanPositionsWhenResumed(t *testing.T) {
	docs := everyID(t)
	srv, coll := serve(t, docs)
	_, want, err := positions(t, mongosource.ScanCheckpoints(coll, bson.D{}, quick(3)))
	if err != nil {
		t.Fatal(err)
	}
	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 4, Code: 43})
	_, got, err := positions(t, mongosource.ScanCheckpoints(coll, bson.D{}, quick(3)))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d positions, want %d, %v", len(got), len(want), err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("document %d is at %s, want %s", i, got[i], want[i])
		}
	}
}

func TestPositionMalformed(t *testing.T) {
	var p mongosource.Position
	for _, text := range []string{
		`{"collection": 1, "done": false}`, `{"done": false}`, `{"other": 1}`, `[]`, `{`,
		`{"collection": {"$binary": {"base64": "AAAA", "subType": "04"}}, "done": false}`,
		`{"collection": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}`,
	} {
		if err := json.Unmarshal([]byte(text), &p); err == nil || p != (mongosource.Position{}) {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	var zero mongosource.Position
	text, err := json.Marshal(zero)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p != zero {
		t.Errorf("the zero position became %s, %v, %v", text, p, err)
	}
}
