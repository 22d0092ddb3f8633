package integration_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func TestInsertEveryType(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("types")
		want := documentsFor(t, m)
		// SecantusDB in Python keeps an empty timestamp, but nothing that it says proves it.
		res, err := stream.Run(t.Context(), source.Slice(want),
			mongosink.Insert(coll, &mongosink.InsertOptions{AllowEmptyTimestamps: m.IsSecantusPy()}))
		if err != nil || res.Inserted != int64(len(want)) {
			t.Fatalf("%+v, %v; want %d", res, err, len(want))
		}
		sameDocuments(t, stored(t, coll), want)
	})
}

func TestInsertBatchEdges(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		db := m.Database(t)
		for _, n := range []int{0, 1, 9, 10, 11, 20, 21} {
			coll := db.Collection("c" + string(rune('a'+n)))
			want := plain(t, n, 20)
			res, err := stream.Run(t.Context(), source.Slice(want),
				mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10}))
			if err != nil || res.Inserted != int64(n) || res.Batches != int64(n+9)/10 {
				t.Errorf("%d documents: %+v, %v", n, res, err)
			}
			sameDocuments(t, stored(t, coll), want)
		}
	})
}

func TestInsertAddsAnID(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		if _, err := stream.Run(t.Context(), source.Of(marshal(t, bson.D{{Key: "a", Value: 1}})),
			mongosink.Insert(coll, nil)); err != nil {
			t.Fatal(err)
		}
		docs := stored(t, coll)
		if len(docs) != 1 || docs[0].Index(0).Key() != "_id" || docs[0].Lookup("_id").Type != bson.TypeObjectID {
			t.Errorf("stored %v", docs)
		}
	})
}

func TestInsertDuplicates(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		old := plain(t, 3, 5)
		for name, opts := range map[string]*mongosink.InsertOptions{
			"stop":     {BatchDocuments: 10, Parallelism: 1},
			"continue": {BatchDocuments: 10, Parallelism: 1, ContinueOnError: true},
			"ordered":  {BatchDocuments: 10, Ordered: true},
		} {
			t.Run(name, func(t *testing.T) {
				coll := m.Database(t).Collection("c")
				load(t, coll, old)
				// The collection has another _id 2 already, and document 25 is sent twice.
				var docs []bson.Raw
				for i := range 40 {
					if i < 2 {
						i += 100
					}
					docs = append(docs, marshal(t, bson.D{{Key: "_id", Value: int32(i)}, {Key: "new", Value: true}}))
				}
				docs[30] = docs[25]
				res, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Insert(coll, opts))
				var refused *mongosink.InsertError
				if !errors.Is(err, mongosink.ErrDuplicate) || !errors.As(err, &refused) {
					t.Fatalf("%+v, %v", res, err)
				}
				var indexes []int64
				for _, f := range refused.Failed {
					indexes = append(indexes, f.Index)
					if f.Code != 11000 || !f.ID.Equal(docs[f.Index].Lookup("_id")) {
						t.Errorf("the failed document is %+v", f)
					}
				}
				want, inserted := []int64{2}, int64(9)
				switch {
				case opts.ContinueOnError:
					inserted = 38
				case opts.Ordered:
					inserted = 2
				}
				if !slices.Equal(indexes, want) || refused.Total != int64(len(want)) {
					t.Errorf("documents %v were refused, want %v", indexes, want)
				}
				now := stored(t, coll)
				if int64(len(now)-len(old)) != res.Inserted || res.Failed != refused.Total || res.Unknown != 0 {
					t.Errorf("%d new documents are stored, the result is %+v", len(now)-len(old), res)
				}
				// Without Ordered, the next batch may be in flight when the server rejects a
				// document.
				if res.Inserted != inserted && !(name == "stop" && res.Inserted == inserted+10) {
					t.Errorf("%d inserted, want %d", res.Inserted, inserted)
				}
				for _, d := range now {
					if id := d.Lookup("_id").Int32(); id == 2 && !bytes.Equal(d, old[2]) {
						t.Errorf("the old document 2 is now %s", d)
					}
				}
			})
		}
	})
}

func TestInsertLargeDocuments(t *testing.T) {
	coll := servers.Shared.SecantusDB(t).Database(t).Collection("large")
	var want []bson.Raw
	for i, size := range []int{16 << 20, 100, 16<<20 - 1, 8 << 20, 5 << 20, 16 << 20} {
		d := bson.D{{Key: "_id", Value: int32(i)}, {Key: "b", Value: bson.Binary{Data: []byte{}}}}
		empty := len(marshal(t, d))
		d[1].Value = bson.Binary{Data: bytes.Repeat([]byte{byte(i)}, size-empty)}
		want = append(want, marshal(t, d))
	}
	res, err := stream.Run(t.Context(), source.Slice(want),
		mongosink.Insert(coll, &mongosink.InsertOptions{BatchBytes: 16 << 20, Parallelism: 2}))
	if err != nil || res.Inserted != int64(len(want)) {
		t.Fatalf("%+v, %v", res, err)
	}
	sameDocuments(t, stored(t, coll), want)

	tooLarge := marshal(t, bson.D{{Key: "_id", Value: 1}, {Key: "b", Value: bson.Binary{Data: make([]byte, 16<<20)}}})
	_, err = stream.Run(t.Context(), source.Of(tooLarge), mongosink.Insert(coll, nil))
	if !errors.Is(err, mongosink.ErrTooLarge) {
		t.Errorf("a document of %d bytes: %v", len(tooLarge), err)
	}
}

// TestInsertFailures makes the server fail once, in a command or by a closed connection. The result
// must agree with the stored documents.
func TestInsertFailures(t *testing.T) {
	m := servers.SecantusDB(t)
	docs := plain(t, 100, 100)
	for name, c := range map[string]struct {
		data bson.D
		ok   bool // the driver retries
	}{
		"closed once": {bson.D{{Key: "closeConnection", Value: true}}, true},
		"not allowed": {bson.D{{Key: "errorCode", Value: 13}}, false},
		"write concern failed": {
			bson.D{{
				Key:   "writeConcernError",
				Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"}},
			}},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			coll := m.Database(t).Collection("c")
			failCommand(t, m, bson.D{{Key: "skip", Value: 3}, {Key: "times", Value: 1}},
				append(bson.D{{Key: "failCommands", Value: bson.A{"insert"}}}, c.data...))
			defer failOff(t, m)
			res, err := stream.Run(t.Context(), source.Slice(docs),
				mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 1}))
			now := int64(len(stored(t, coll)))
			if c.ok != (err == nil) {
				t.Errorf("%+v, %v", res, err)
			}
			if now < res.Inserted || now > res.Inserted+res.Unknown {
				t.Errorf("%d documents are stored, the result is %+v", now, res)
			}
			if err != nil && now == int64(len(docs)) {
				t.Errorf("it went on after %v", err)
			}
		})
	}
}

// TestInsertServerKilled kills the server while batches are in flight. The server acknowledges a
// write after it is on disk, so the result must agree with the stored documents.
func TestInsertServerKilled(t *testing.T) {
	t.Parallel()
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := plain(t, 20_000, 200)
	killed := stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		for i, d := range docs {
			if i == 5050 {
				m.Kill(t)
			}
			if err := emit(d); err != nil {
				return err
			}
		}
		return nil
	})
	res, err := stream.Run(t.Context(), killed,
		mongosink.Insert(coll, &mongosink.InsertOptions{
			BatchDocuments: 100, Parallelism: 3, RetryTimeout: time.Second,
		}))
	if class := stream.ClassOf(err); !class.Transient() && class != stream.UnknownOutcome { // none if err is nil
		t.Errorf("a killed server is reported as %v", err)
	}
	m.Restart(t)
	now := stored(t, coll)
	if n := int64(len(now)); n < res.Inserted || n > res.Inserted+res.Unknown {
		t.Errorf("%d documents are stored, the result is %+v", n, res)
	}
	want := byID(t, docs)
	for id, d := range byID(t, now) {
		if !bytes.Equal(d, want[id]) {
			t.Errorf("stored %s, want %s", abbreviate(d), abbreviate(want[id]))
		}
	}
}

func TestInsertUpstreamFails(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		docs := plain(t, 250, 10)
		res, err := stream.Run(t.Context(),
			stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
				for _, d := range docs {
					if err := emit(d); err != nil {
						return err
					}
				}
				return errTest
			}),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 100}))
		if err != errTest { //nolint:errorlint // unchanged
			t.Errorf("the upstream's failure is reported as %v", err)
		}
		if n := int64(len(stored(t, coll))); n != res.Inserted || res.Unknown != 0 || res.Failed != 0 {
			t.Errorf("%d documents are stored, the result is %+v", n, res)
		}
	})
}

// TestCopyCollection copies a collection from one server to the other, in one run.
func TestCopyCollection(t *testing.T) {
	from := servers.Shared.SecantusDB(t).Database(t).Collection("c")
	to := servers.Shared.FerretDB(t).Database(t).Collection("c")
	want := append(commonDocuments(t), marshal(t, bson.D{{Key: "_id", Value: "last"}}))
	load(t, from, want)
	if _, err := stream.Run(t.Context(), mongosource.Find(from, bson.D{}, nil), mongosink.Insert(to, nil)); err != nil {
		t.Fatal(err)
	}
	sameDocuments(t, stored(t, to), want)
}
