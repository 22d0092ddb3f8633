package mongosource_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The ranges between any two bounds have the documents between them, once, across all types.
func TestScanRange(t *testing.T) {
	docs := everyID(t)
	_, coll := serve(t, docs)
	bounds := []int{0}
	for i, doc := range docs {
		if mongosource.IsBound(doc.Lookup("_id")) {
			bounds = append(bounds, i)
		}
	}
	for _, low := range bounds {
		for _, high := range append(bounds, len(docs)) {
			if high < low || low == 0 && high == 0 {
				continue
			}
			opts := quick(3)
			if low > 0 {
				opts.From = docs[low].Lookup("_id")
			}
			if high < len(docs) {
				opts.To = docs[high].Lookup("_id")
			}
			got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
			if err != nil || !equal(got, docs[low:high]) {
				t.Fatalf("from %d to %d: %d documents, %v", low, high, len(got), err)
			}
		}
	}
}

// A range continues after a position inside it.
func TestScanRangeAfter(t *testing.T) {
	docs := numbered(t, 9)
	_, coll := serve(t, docs)
	opts := quick(2)
	opts.From, opts.To = docs[2].Lookup("_id"), docs[7].Lookup("_id")
	for i := range 5 {
		var saved mongosource.Position
		first := stream.Via(mongosource.ScanCheckpoints(coll, bson.D{}, opts),
			stream.Take[mongosource.Checkpointed](i+1))
		_, err := stream.Run(t.Context(), first, stream.Acknowledge[bson.Raw](
			func(_ context.Context, p mongosource.Position) error { saved = p; return nil }))
		if err != nil {
			t.Fatal(err)
		}
		rest := *opts
		rest.After = saved
		got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, &rest))
		if err != nil || !equal(got, docs[3+i:7]) {
			t.Errorf("after %d: %d documents, %v", i, len(got), err)
		}
	}
}

// A scan with a UUID reads no other collection of the name.
func TestScanUUID(t *testing.T) {
	srv, coll := serve(t, numbered(t, 3))
	found, err := stream.Run(t.Context(), mongosource.Collections(coll.Database(), nil),
		sink.First[mongosource.Collection]())
	if err != nil {
		t.Fatal(err)
	}
	opts := quick(2)
	opts.UUID = found.UUID
	if got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts)); err != nil || len(got) != 3 {
		t.Errorf("%d documents, %v", len(got), err)
	}
	if err := coll.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	if !errors.Is(err, mongosource.ErrCollectionChanged) {
		t.Errorf("dropped: %v", err)
	}
	srv.Add("shop", coll.Name(), numbered(t, 3)...)
	_, err = collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	if !errors.Is(err, mongosource.ErrCollectionChanged) {
		t.Errorf("created again: %v", err)
	}
}

// A snapshot has the documents of its time, and says which that is.
func TestScanSnapshot(t *testing.T) {
	docs := numbered(t, 9)
	srv, coll := serve(t, docs)
	opts := quick(2)
	opts.Snapshot = true
	var at bson.Timestamp
	opts.OnSnapshot = func(time bson.Timestamp) { at = time }
	n := 0
	err := mongosource.Scan(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
		if n++; n == 1 {
			srv.Add("shop", coll.Name(), raw(t, bson.D{{Key: "_id", Value: 4.5}}))
		}
		return nil
	})
	if err != nil || n != len(docs) || at == (bson.Timestamp{}) {
		t.Fatalf("%d documents at %v, %v", n, at, err)
	}
	opts.At = at
	got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	if err != nil || !equal(got, docs) {
		t.Errorf("again: %d documents, %v", len(got), err)
	}
	srv.ForgetSnapshots()
	_, err = collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	if !errors.Is(err, mongosource.ErrSnapshotTooOld) {
		t.Errorf("too old: %v", err)
	}
	if _, err := mongosource.SnapshotTime(t.Context(), coll); err != nil {
		t.Error(err)
	}
	srv.IgnoreSnapshots(false)
	if _, err := mongosource.SnapshotTime(t.Context(), coll); !errors.Is(err, mongosource.ErrNoSnapshot) {
		t.Errorf("ignored: %v", err)
	}
}

// Settings that cannot work are refused before any request.
func TestScanRangeRefuses(t *testing.T) {
	docs := numbered(t, 9)
	srv, coll := serve(t, docs)
	_, null, _ := bson.MarshalValue(nil)
	at := func(i int) mongosource.Position { return positionAt(t, docs[i]) }
	for name, change := range map[string]func(*mongosource.ScanOptions){
		"null": func(o *mongosource.ScanOptions) { o.From = bson.RawValue{Type: bson.TypeNull, Value: null} },
		"cut": func(o *mongosource.ScanOptions) {
			o.To = bson.RawValue{Type: bson.TypeInt64, Value: []byte{1}}
		},
		"no snapshot":  func(o *mongosource.ScanOptions) { o.At = bson.Timestamp{T: 1} },
		"read concern": func(o *mongosource.ScanOptions) { o.Snapshot, o.ReadConcern = true, readconcern.Local() },
		"one thread":   func(o *mongosource.ScanOptions) { o.Snapshot, o.NoReadAhead = true, true },
		"no time":      func(o *mongosource.ScanOptions) { o.Snapshot, o.After = true, at(3) },
		"before From":  func(o *mongosource.ScanOptions) { o.From, o.After = docs[4].Lookup("_id"), at(3) },
		"at To":        func(o *mongosource.ScanOptions) { o.To, o.After = docs[4].Lookup("_id"), at(4) },
		"after To":     func(o *mongosource.ScanOptions) { o.To, o.After = docs[4].Lookup("_id"), at(5) },
		"another type": func(o *mongosource.ScanOptions) {
			o.From, o.After = bson.RawValue{Type: bson.TypeBoolean, Value: []byte{0}}, at(5)
		},
	} {
		opts := quick(2)
		change(opts)
		if _, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts)); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	session, err := coll.Database().Client().StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	opts := quick(2)
	opts.Snapshot = true
	_, err = collect(mongo.NewSessionContext(t.Context(), session), mongosource.Scan(coll, bson.D{}, opts))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("in a session: %v", err)
	}
	if n := len(srv.Commands()); n > 0 {
		t.Errorf("%d commands", n)
	}
}

// positionAt returns a position after a document.
func positionAt(t *testing.T, doc bson.Raw) (p mongosource.Position) {
	t.Helper()
	text := raw(t, bson.D{
		{Key: "collection", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)}},
		{Key: "after", Value: doc.Lookup("_id")},
		{Key: "done", Value: false},
	})
	if err := p.UnmarshalBSON(text); err != nil {
		t.Fatal(err)
	}
	return p
}

// Divide returns the bounds of ranges of about equal size.
func TestDivide(t *testing.T) {
	_, coll := serve(t, numbered(t, 100))
	ids, err := mongosource.Divide(t.Context(), coll, bson.D{}, &mongosource.SplitOptions{
		Ranges: 4, Division: mongosource.Exact,
	})
	if err != nil || len(ids) != 3 || ids[1].AsInt64() != 50 {
		t.Errorf("%v, %v", ids, err)
	}
}
