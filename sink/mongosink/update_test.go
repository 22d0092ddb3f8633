package mongosink_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// byName is the key of a document in these tests, if it is not the _id.
func byName(doc bson.Raw) (any, error) { return bson.D{{Key: "name", Value: doc.Lookup("name")}}, nil }

// An update sets the fields of the input, and nothing else. A deletion deletes one document for each
// of the input.
func TestUpdateAndDelete(t *testing.T) {
	stored := []bson.Raw{
		raw(t, fields("_id", 1, "name", "a", "n", 1)), raw(t, fields("_id", 2, "name", "b", "n", 2)),
		raw(t, fields("_id", 3, "name", "a")),
	}
	for name, c := range map[string]struct {
		sink func(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.WriteResult]
		in   []bson.Raw
		want mongosink.WriteResult
		left []bson.Raw
	}{
		"update by _id": {
			func(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.WriteResult] {
				return mongosink.Update(coll, nil, nil)
			},
			[]bson.Raw{
				raw(t, fields("n", fields("deep", true), "_id", 2, "new", "x")), raw(t, fields("_id", 9, "n", 1)),
				raw(t, fields("_id", 1, "n", 1)),
			},
			mongosink.WriteResult{Matched: 2, Modified: 1, Unmatched: 1},
			[]bson.Raw{
				stored[0], raw(t, fields("_id", 2, "name", "b", "n", fields("deep", true), "new", "x")),
				stored[2],
			},
		},
		"update by key": {
			func(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.WriteResult] {
				return mongosink.Update(coll, byName, nil)
			},
			[]bson.Raw{raw(t, fields("_id", "another", "name", "b", "n", 5))},
			mongosink.WriteResult{Matched: 1, Modified: 1},
			[]bson.Raw{stored[0], raw(t, fields("_id", 2, "name", "b", "n", 5)), stored[2]},
		},
		"delete by _id": {
			func(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.WriteResult] {
				return mongosink.Delete(coll, nil, nil)
			},
			[]bson.Raw{raw(t, fields("a", 1, "_id", 2)), raw(t, fields("_id", 2)), raw(t, fields("_id", 9))},
			mongosink.WriteResult{Deleted: 1, Unmatched: 2},
			[]bson.Raw{stored[0], stored[2]},
		},
		"delete by key": {
			func(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.WriteResult] {
				return mongosink.Delete(coll, byName, &mongosink.WriteOptions{Ordered: true})
			},
			[]bson.Raw{raw(t, fields("name", "a")), raw(t, fields("name", "c")), raw(t, fields("name", "a"))},
			mongosink.WriteResult{Deleted: 2, Unmatched: 1},
			[]bson.Raw{stored[1]},
		},
	} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", stored...)
		c.want.Batches = 1
		r, err := stream.Run(t.Context(), sourceOf(c.in, nil), c.sink(coll))
		if left := srv.Documents("shop", "cookies"); err != nil || r != c.want || !equal(left, c.left) {
			t.Errorf("%s: %v are left; %+v, %v; want %+v", name, left, r, err, c.want)
		}
	}
}

// A field that a server would take for a path is not sent, nor a document without a key.
func TestUpdateInvalid(t *testing.T) {
	damaged := raw(t, fields("_id", 1, "text", "abc"))
	damaged[len(damaged)-9]++ // the length of the text
	for name, c := range map[string]struct {
		doc  bson.Raw
		want error
	}{
		"path":      {raw(t, fields("_id", 1, "a.b", 1)), mongosink.ErrInvalidWrite},
		"operator":  {raw(t, fields("_id", 1, "$inc", 1)), mongosink.ErrInvalidWrite},
		"empty key": {raw(t, fields("_id", 1, "", 1)), mongosink.ErrInvalidWrite},
		"no _id":    {raw(t, fields("a", 1)), mongosink.ErrNoID},
		"bad _id":   {raw(t, fields("_id", bson.A{})), mongosink.ErrInvalidID},
		"damaged":   {damaged, mongosink.ErrMalformed},
	} {
		srv, coll := serve(t)
		r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{c.doc}, nil), mongosink.Update(coll, nil, nil))
		if !errors.Is(err, c.want) || !errors.As(err, new(*mongosink.DocumentError)) ||
			stream.ClassOf(err) != stream.Data ||
			len(srv.Commands("update")) > 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	_, coll := serve(t)
	for _, doc := range []bson.Raw{raw(t, fields("a", 1)), raw(t, fields("_id", bson.A{}))} {
		if _, err := stream.Run(t.Context(), sourceOf([]bson.Raw{doc}, nil),
			mongosink.Delete(coll, nil, nil)); !errors.As(
			err, new(*mongosink.DocumentError)) {
			t.Errorf("delete %v: %v", doc, err)
		}
	}
}

// byIDSinks are the sinks of writes by _id.
var byIDSinks = map[string]func(*mongo.Collection, *mongosink.WriteOptions) stream.Sink[bson.Raw,
	mongosink.WriteResult]{
	"Replace": func(c *mongo.Collection, o *mongosink.WriteOptions) stream.Sink[bson.Raw, mongosink.WriteResult] {
		return mongosink.Replace(c, nil, o)
	},
	"Upsert": func(c *mongo.Collection, o *mongosink.WriteOptions) stream.Sink[bson.Raw, mongosink.WriteResult] {
		return mongosink.Upsert(c, nil, o)
	},
	"Update": func(c *mongo.Collection, o *mongosink.WriteOptions) stream.Sink[bson.Raw, mongosink.WriteResult] {
		return mongosink.Update(c, nil, o)
	},
	"Delete": func(c *mongo.Collection, o *mongosink.WriteOptions) stream.Sink[bson.Raw, mongosink.WriteResult] {
		return mongosink.Delete(c, nil, o)
	},
}

// sum returns how many writes of one document are in a count.
func sum(r mongosink.WriteResult) int64 {
	return r.Inserted + r.AlreadyThere + r.Matched + r.Upserted + r.Deleted + r.Unmatched + r.Settled + r.Failed + r.Unknown
}

// Every reply to a write is lost, or the connection closes before the server executes it. Each write
// is in one count, and what is not proven is unknown. Documents 0 to 9 are there; 10 to 19 are not.
func TestWritesSettled(t *testing.T) {
	t.Parallel()
	var in, there []bson.Raw
	for i := range 20 {
		in = append(in, raw(t, fields("_id", i, "n", 2)))
		if i < 10 {
			there = append(there, raw(t, fields("_id", i, "n", 1)))
		}
	}
	for name, write := range byIDSinks {
		for _, fault := range []mongotest.Fault{{Lose: true}, {Close: true}} {
			for _, ordered := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, lost reply %v, ordered %v", name, fault.Lose, ordered), func(t *testing.T) {
					t.Parallel()
					srv, coll := serveStandalone(t, true)
					srv.Add("shop", "cookies", there...)
					for _, command := range []string{"update", "delete"} {
						fault.Command = command
						srv.Inject(fault)
					}
					want := map[string]mongosink.WriteResult{
						"Replace": {Settled: 20}, "Upsert": {Settled: 20}, "Update": {Settled: 20},
						"Delete": {Settled: 20},
					}
					some := mongosink.WriteResult{Settled: 10, Unknown: 10}
					switch all := (mongosink.WriteResult{Unknown: 20}); {
					case fault.Close && ordered: // a lost write may be executed after a later batch
						want = map[string]mongosink.WriteResult{
							"Replace": all, "Upsert": all, "Update": all, "Delete": all,
						}
					case ordered:
						want["Replace"], want["Update"], want["Delete"] = some, some, all
					case fault.Close: // what changes nothing has the same end, executed or not
						want = map[string]mongosink.WriteResult{
							"Replace": some, "Upsert": all, "Update": some, "Delete": some,
						}
					}
					r, err := stream.Run(t.Context(), sourceOf(in, nil),
						write(coll, &mongosink.WriteOptions{RetryTimeout: -1, Ordered: ordered}))
					unknown := want[name].Unknown > 0
					if r != want[name] || sum(r) != 20 || errors.Is(err, mongosink.ErrOutcomeUnknown) != unknown ||
						(err == nil) == unknown {
						t.Errorf("%+v, %v; want %+v", r, err, want[name])
					}
				})
			}
		}
	}
}

// A server with retryable writes says what a lost attempt did: the counts are those of a run
// without faults.
func TestWritesCountedOnce(t *testing.T) {
	t.Parallel()
	var in []bson.Raw
	for i := range 20 {
		in = append(in, raw(t, fields("_id", i, "n", 2)))
	}
	want := map[string]mongosink.WriteResult{
		"Replace": {Matched: 10, Modified: 10, Unmatched: 10}, "Upsert": {Matched: 10, Modified: 10, Upserted: 10},
		"Update": {Matched: 10, Modified: 10, Unmatched: 10}, "Delete": {Deleted: 10, Unmatched: 10},
	}
	for name, write := range byIDSinks {
		for _, fault := range []mongotest.Fault{{}, {Lose: true}, {Close: true}, {WriteErrors: everyStatement(10107)}} {
			srv, coll := serve(t)
			for i := range 10 {
				srv.Add("shop", "cookies", raw(t, fields("_id", i, "n", 1)))
			}
			for _, command := range []string{"update", "delete"} {
				for _, nth := range []int{1, 2, 4} {
					fault.Command, fault.Nth = command, nth
					srv.Inject(fault)
				}
			}
			r, err := stream.Run(t.Context(), sourceOf(in, nil),
				write(coll, &mongosink.WriteOptions{BatchDocuments: 5}))
			batches := r.Batches
			r.Batches = 0
			if err != nil || r != want[name] || sum(r) != 20 || batches != 4 {
				t.Errorf("%s, %+v: %+v, %d batches, %v; want %+v", name, fault, r, batches, err, want[name])
			}
		}
	}
}

// The collection has an equal _id in another form. That the form of the input is absent proves
// nothing then.
func TestDeleteOfOtherForm(t *testing.T) {
	srv, coll := serveStandalone(t, true)
	srv.Inject(mongotest.Fault{Command: "delete", Close: true})
	srv.Inject(mongotest.Fault{Command: "find", Reply: raw(t, fields("ok", 1, "cursor", fields(
		"id", int64(0), "ns", "shop.cookies", "firstBatch", bson.A{fields("_id", 1.0)})))})
	r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{raw(t, fields("_id", 1))}, nil),
		mongosink.Delete(coll, nil, &mongosink.WriteOptions{RetryTimeout: -1}))
	if !errors.Is(err, mongosink.ErrOutcomeUnknown) || r.Unknown != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Only a write that gives a document a known state is sent again to a server without retryable
// writes.
func TestWritesThatAreRepeated(t *testing.T) {
	collation := fields("locale", "en", "strength", 1)
	for name, c := range map[string]struct {
		write    mongosink.Write
		repeated bool
	}{
		"delete by _id":          {mongosink.DeleteOne(id(1)), true},
		"delete by name":         {mongosink.DeleteOne(fields("name", "a")), false},
		"delete by _id and name": {mongosink.DeleteOne(fields("_id", 1, "name", "a")), false},
		"set by _id": {
			mongosink.UpdateOne(id(1), fields("$set", fields("n", 1, "m", fields("a.b", 1)))),
			true,
		},
		"set a path": {mongosink.UpdateOne(id(1), fields("$set", fields("m.a", 1))), false},
		"set and increase": {mongosink.UpdateOne(id(1), fields("$set", fields("n", 1), "$inc",
			fields("m", 1))), false},
		"set by a pipeline": {mongosink.UpdateOne(id(1), bson.A{fields("$set", fields("n", 1))}), false},
		"set of many":       {mongosink.UpdateMany(id(1), fields("$set", fields("n", 1))), false},
		"replace under a collation": {
			mongosink.ReplaceOne(id("a"), fields("n", 1)).With("collation", collation),
			false,
		},
		"delete under a collation": {mongosink.DeleteOne(id("a")).With("collation", collation), false},
	} {
		srv, coll := serveStandalone(t, true)
		for _, command := range []string{"update", "delete"} {
			srv.Inject(mongotest.Fault{Command: command, Nth: 1, Close: true})
			srv.Inject(mongotest.Fault{Command: command, Reply: raw(t, fields("ok", 1, "n", 0, "nModified", 0))})
		}
		_, err := stream.Run(t.Context(), source.Of(c.write), mongosink.Bulk(coll, nil))
		if sent := len(srv.Commands("update", "delete")); (sent > 1) != c.repeated || (err == nil) != c.repeated {
			t.Errorf("%s: sent %d times, %v", name, sent, err)
		}
	}
}

// A run that ended with a retryable error, after it deleted or updated documents by _id, can be run
// again with the same end.
func TestUpdateAndDeleteUnderRestart(t *testing.T) {
	for name, write := range byIDSinks {
		srv, coll := serve(t)
		var in []bson.Raw
		for i := range 30 {
			in = append(in, raw(t, fields("_id", i, "n", 2)))
			srv.Add("shop", "cookies", raw(t, fields("_id", i, "n", 1)))
		}
		for _, command := range []string{"update", "delete"} {
			srv.Inject(mongotest.Fault{Command: command, Nth: 2, Code: 10107})
		}
		again := stream.RestartSink(30, write(coll, &mongosink.WriteOptions{BatchDocuments: 10, RetryTimeout: -1}),
			&stream.Backoff{MaxRetries: 2})
		if _, err := stream.Run(t.Context(), stream.Via(sourceOf(in, nil), again),
			sink.Discard[mongosink.WriteResult]()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := in
		if name == "Delete" {
			want = nil
		}
		if left := srv.Documents("shop", "cookies"); !slices.EqualFunc(sorted(left), sorted(want), slices.Equal) {
			t.Errorf("%s: %v are left", name, left)
		}
	}
}
