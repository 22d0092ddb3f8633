package mongosink_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func id(v any) bson.D { return bson.D{{Key: "_id", Value: v}} }

func fields(keysAndValues ...any) (d bson.D) {
	for i := 0; i < len(keysAndValues); i += 2 {
		d = append(d, bson.E{Key: keysAndValues[i].(string), Value: keysAndValues[i+1]})
	}
	return d
}

// Every kind of write, ordered and not.
func TestBulk(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", raw(t, fields("_id", 1, "n", 1)), raw(t, fields("_id", 2, "n", 1)),
			raw(t, fields("_id", 3, "kind", "old")), raw(t, fields("_id", 4, "kind", "old")),
			raw(t, fields("_id", 5, "kind", "last")))
		r, err := stream.Run(t.Context(), source.Of(
			mongosink.InsertOne(fields("_id", 10, "a", 1)),
			mongosink.UpdateOne(id(1), fields("$inc", fields("n", 5))),
			mongosink.UpdateOne(id(11), fields("$set", fields("n", 7))).Upsert(),
			mongosink.ReplaceOne(id(2), fields("b", true)),
			mongosink.ReplaceOne(id(99), fields("b", true)),
			mongosink.UpsertOne(id(12), fields("b", true)),
			mongosink.DeleteMany(fields("kind", "old")),
			mongosink.DeleteOne(fields("kind", "last")),
			mongosink.UpdateMany(fields("missing", 1), fields("$set", fields("n", 7))),
		), mongosink.Bulk(coll, &mongosink.WriteOptions{Ordered: ordered}))
		want := mongosink.WriteResult{
			Inserted: 1, Matched: 2, Modified: 2, Upserted: 2, Deleted: 3, Unmatched: 1,
			Bytes: int64(len(raw(t, fields("_id", 10, "a", 1)))), Batches: r.Batches,
		}
		if err != nil || r != want {
			t.Errorf("%+v, %v; want %+v", r, err, want)
		}
		if stored := srv.Documents("shop", "cookies"); !equal(stored, []bson.Raw{
			raw(t, fields("_id", 1, "n", int64(6))), raw(t, fields("_id", 2, "b", true)),
			raw(t, fields("_id", 10, "a", 1)),
			raw(t, fields("_id", 11, "n", 7)), raw(t, fields("_id", 12, "b", true)),
		}) {
			t.Errorf("ordered %v: %v", ordered, stored)
		}
	}
}

// A reply is lost, or many: no write is executed twice. Without retryable writes, only writes that
// store a document by its _id are repeated.
func TestBulkReplyLost(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		write   func(i int) mongosink.Write
		known   bool // also without retryable writes
	}{
		"insert": {"insert", func(i int) mongosink.Write {
			return mongosink.InsertOne(fields("_id", i, "n", 1))
		}, true},
		"replace": {"update", func(i int) mongosink.Write {
			return mongosink.UpsertOne(id(i), fields("n", int64(1)))
		}, true},
		"update": {"update", func(i int) mongosink.Write {
			return mongosink.UpdateOne(id(i), fields("$inc", fields("n", int64(1)))).Upsert()
		}, false},
	} {
		for _, standalone := range []bool{true, false} {
			srv, coll := serveStandalone(t, standalone)
			for nth := range 2 {
				srv.Inject(mongotest.Fault{Command: c.command, Nth: nth + 1, Lose: true})
			}
			var writes []mongosink.Write
			for i := range 20 {
				writes = append(writes, c.write(i))
			}
			r, err := stream.Run(t.Context(), source.Slice(writes), mongosink.Bulk(coll, &mongosink.WriteOptions{
				BatchDocuments: 10, Parallelism: 1, RetryTimeout: 20 * time.Second,
			}))
			if known := c.known || !standalone; (err == nil) != known || (r.Unknown > 0) == known ||
				errors.Is(err, mongosink.ErrOutcomeUnknown) == known {
				t.Errorf("%s, standalone %v: %+v, %v", name, standalone, r, err)
			}
			for _, d := range srv.Documents("shop", "cookies") {
				if n, _ := d.Lookup("n").AsInt64OK(); n != 1 {
					t.Errorf("%s, standalone %v: executed twice: %v", name, standalone, d)
				}
			}
		}
	}
}

// The replies to replacements are all lost. They are read back.
func TestReplaceReadBack(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "update", Lose: true})
	docs := numbered(t, 30)
	r, err := stream.Run(t.Context(), sourceOf(docs, nil),
		mongosink.Upsert(coll, nil, &mongosink.WriteOptions{RetryTimeout: 10 * time.Millisecond}))
	if err != nil || r.Settled != 30 || !equal(srv.Documents("shop", "cookies"), docs) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Replace and Upsert by _id and by another key.
func TestReplaceByKey(t *testing.T) {
	byName := func(d bson.Raw) (any, error) { return fields("name", d.Lookup("name")), nil }
	srv, coll := serve(t)
	srv.Add("shop", "cookies", numbered(t, 5)...)
	changed := []bson.Raw{raw(t, fields("_id", 3, "name", "new")), raw(t, fields("_id", 8, "name", "new too"))}
	r, err := stream.Run(t.Context(), sourceOf(changed, nil), mongosink.Replace(coll, nil, nil))
	if err != nil || r.Matched != 1 || r.Modified != 1 || r.Upserted != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = stream.Run(t.Context(), sourceOf([]bson.Raw{
		raw(t, fields("name", "cookie 4", "more", 1)),
		raw(t, fields("name", "x")),
	}, nil),
		mongosink.Upsert(coll, byName, nil))
	if err != nil || r.Matched != 1 || r.Modified != 1 || r.Upserted != 1 {
		t.Errorf("by name: %+v, %v", r, err)
	}
	if n := len(srv.Documents("shop", "cookies")); n != 6 {
		t.Errorf("%d are stored", n)
	}
}

// A write that would do something else than it says is not sent.
func TestBulkInvalid(t *testing.T) {
	twice := raw(t, fields("_id", 1, "_id", 2))
	for name, c := range map[string]struct {
		write mongosink.Write
		want  error
	}{
		"an update without operator": {mongosink.UpdateOne(id(1), fields("a", 1)), mongosink.ErrInvalidWrite},
		"an empty update":            {mongosink.UpdateMany(id(1), bson.D{}), mongosink.ErrInvalidWrite},
		"a replacement that updates": {mongosink.ReplaceOne(id(1), fields("$set", id(1))), mongosink.ErrInvalidWrite},
		"a filter that is none":      {mongosink.DeleteOne(make(chan int)), mongosink.ErrInvalidWrite},
		"a nil filter":               {mongosink.DeleteMany(nil), mongosink.ErrInvalidWrite},
		"a nil document":             {mongosink.InsertOne(nil), mongosink.ErrInvalidWrite},
		"a damaged document": {
			mongosink.ReplaceOne(id(1), bson.Raw("\x07\x00\x00\x00\x63a\x00")),
			mongosink.ErrMalformed,
		},
		"two documents": {
			mongosink.InsertOne(append(raw(t, id(1)), raw(t, id(2))...)),
			mongosink.ErrMalformed,
		},
		"a pipeline and more": {mongosink.UpdateOne(id(1), bson.RawValue{
			Type: bson.TypeArray, Value: append(raw(t, bson.D{}), 0),
		}), mongosink.ErrMalformed},
		"two _ids": {mongosink.ReplaceOne(id(1), twice), mongosink.ErrIDNotFirst},
		"an empty timestamp": {
			mongosink.ReplaceOne(id(1), fields("t", bson.Timestamp{})),
			mongosink.ErrEmptyTimestamp,
		},
		"an unknown field":       {mongosink.DeleteOne(id(1)).With("limit", 0), mongosink.ErrInvalidWrite},
		"an upsert that deletes": {mongosink.DeleteOne(id(1)).Upsert(), mongosink.ErrInvalidWrite},
	} {
		srv, coll := serve(t)
		r, err := stream.Run(t.Context(), source.Of(c.write), mongosink.Bulk(coll, nil))
		var e *mongosink.DocumentError
		if !errors.Is(err, c.want) || !errors.As(err, &e) || r != (mongosink.WriteResult{}) ||
			stream.ClassOf(err) != stream.Data || len(srv.Commands("insert", "update", "delete")) > 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A refused write is named by its index and the _id of its filter, and the others are executed.
func TestBulkRefused(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "update", WriteErrors: map[int]int32{1: 121}})
	var writes []mongosink.Write
	for i := range 4 {
		writes = append(writes, mongosink.InsertOne(id(i)), mongosink.UpdateOne(id(i), fields("$set", fields("a", 1))))
	}
	r, err := stream.Run(t.Context(), source.Slice(writes),
		mongosink.Bulk(coll, &mongosink.WriteOptions{ContinueOnError: true, Parallelism: 1}))
	var e *mongosink.InsertError
	if !errors.As(err, &e) || e.Total != 1 || e.Failed[0].Index != 3 || e.Failed[0].ID.Int32() != 1 ||
		e.Failed[0].Code != 121 ||
		r.Inserted != 4 || r.Matched != 3 || r.Failed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
