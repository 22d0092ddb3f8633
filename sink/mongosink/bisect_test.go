package mongosink_test

import (
	"bytes"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// picky returns a collection whose server refuses a whole command if it has one of the bad
// documents, and a function that returns what it stores.
func picky(code int32, bad ...bson.Raw) (*inserter, func() []bson.Raw) {
	f := &inserter{}
	var stored []bson.Raw
	f.reply = func(_ int, docs []bson.Raw) (*mongo.BulkWriteResult, error) {
		for _, doc := range docs {
			for _, b := range bad {
				if bytes.Equal(doc, b) {
					return &mongo.BulkWriteResult{}, mongo.CommandError{Code: code, Message: "a bad document"}
				}
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		stored = append(stored, docs...)
		return inserted(len(docs)), nil
	}
	return f, func() []bson.Raw { return stored }
}

// A server refuses whole commands because of single documents. The sink names them and stores the
// others.
func TestInsertBisect(t *testing.T) {
	docs := numbered(t, 40)
	for name, c := range map[string]struct {
		batch int
		bad   []int
	}{
		"first": {10, []int{0}}, "last": {10, []int{39}}, "two of a batch": {10, []int{13, 17}},
		"half":       {40, []int{20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39}},
		"neighbours": {40, []int{19, 20}}, "batches of one": {1, []int{5, 6}}, "odd": {7, []int{6, 7, 38}},
	} {
		t.Run(name, func(t *testing.T) {
			var bad, good []bson.Raw
			isBad := map[int64]bool{}
			for _, i := range c.bad {
				bad = append(bad, docs[i])
				isBad[int64(i)] = true
			}
			for i, doc := range docs {
				if !isBad[int64(i)] {
					good = append(good, doc)
				}
			}
			f, stored := picky(22, bad...)
			r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command,
				&mongosink.InsertOptions{BatchDocuments: c.batch, ContinueOnError: true}))
			var e *mongosink.InsertError
			if !errors.As(err, &e) || e.Total != int64(len(bad)) || stream.ClassOf(err) != stream.Data {
				t.Fatalf("%v, class %v", err, stream.ClassOf(err))
			}
			for _, d := range e.Failed {
				if !isBad[d.Index] || d.Code != 22 {
					t.Errorf("reported as refused: %+v", d)
				}
			}
			if r.Inserted != int64(len(good)) || r.Bytes != size(good) || r.Failed != int64(len(bad)) ||
				r.Unknown != 0 || !equal(stored(), good) {
				t.Errorf("%+v; %d are stored", r, len(stored()))
			}
		})
	}
}

// If every document is refused, the reason does not lie in the documents: the run ends soon.
func TestInsertBisectAllBad(t *testing.T) {
	docs := numbered(t, 1000)
	f, stored := picky(2, docs...)
	r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command,
		&mongosink.InsertOptions{Parallelism: 1, ContinueOnError: true}))
	var server mongo.CommandError
	if !errors.As(err, &server) || server.Code != 2 || r.Failed != 20 || r.Inserted+r.Unknown != 0 ||
		len(stored()) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if n := len(f.batches); n > 100 {
		t.Errorf("%d commands", n)
	}
}

// Without ContinueOnError, and for a refusal that no document causes, the run ends at once.
func TestInsertBisectNot(t *testing.T) {
	docs := numbered(t, 10)
	for code, more := range map[int32]bool{22: false, 73: true} {
		f, _ := picky(code, docs[3])
		r, err := stream.Run(t.Context(), sourceOf(docs, nil),
			mongosink.InsertBy(f.command, &mongosink.InsertOptions{ContinueOnError: more}))
		if err == nil || len(f.batches) != 1 || r != (mongosink.InsertResult{}) {
			t.Errorf("%d: %+v, %v, %d commands", code, r, err, len(f.batches))
		}
	}
}

// A server that takes fewer documents refuses one of two batches. It comes again in halves.
func TestInsertBisectSmallBatches(t *testing.T) {
	for name, docs := range map[string][]bson.Raw{"nameless": make([]bson.Raw, 10), "numbered": numbered(t, 10)} {
		if name == "nameless" {
			for i := range docs {
				docs[i] = raw(t, bson.D{{Key: "n", Value: i}})
			}
		}
		srv, coll := serve(t)
		srv.LimitBatches(5)
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: 22})
		r, err := stream.Run(t.Context(), sourceOf(docs, nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{ContinueOnError: true}))
		if r != (mongosink.InsertResult{Inserted: 10, Bytes: size(docs), Batches: 3}) || err != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if n := len(srv.Documents("shop", "cookies")); n != 10 || len(srv.Commands("insert")) != 4 {
			t.Errorf("%s: %d are stored by %d commands", name, n, len(srv.Commands("insert")))
		}
	}
}

// The run goes on after many refused documents if others were written, by whatever kind of write.
func TestUpsertBisectGoesOn(t *testing.T) {
	srv, coll := serve(t)
	commands := 0 // the server receives one at a time
	srv.Inject(mongotest.Fault{Command: "update", Code: 2, If: func(mongotest.Command) bool {
		commands++
		return commands > 2
	}})
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 60), nil), mongosink.Upsert(coll, nil,
		&mongosink.WriteOptions{BatchDocuments: 5, Parallelism: 1, ContinueOnError: true}))
	if r.Upserted != 10 || r.Failed != 50 || stream.ClassOf(err) != stream.Data {
		t.Errorf("%+v, %v of the class %v", r, err, stream.ClassOf(err))
	}
}
