package mongosink_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// everyStatement refuses ten statements with code.
func everyStatement(code int32) map[int]int32 {
	refused := map[int]int32{}
	for i := range 10 {
		refused[i] = code
	}
	return refused
}

// The server carries out a batch, the reply is lost, and the server refuses the documents of the
// repetitions for a transient reason. They are stored, and reading back shows it. If that is refused
// too, the outcome is unknown.
func TestInsertRefusedAfterLostReply(t *testing.T) {
	t.Parallel()
	for _, code := range []int32{6, 365, 10107, 16500} {
		for _, ordered := range []bool{true, false} {
			for _, readable := range []bool{true, false} {
				t.Run(fmt.Sprintf("%d, ordered %v, readable %v", code, ordered, readable), func(t *testing.T) {
					t.Parallel()
					docs := withoutIDs(t, 10)
					srv, coll := serveStandalone(t, true)
					srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
					srv.Inject(mongotest.Fault{Command: "insert", WriteErrors: everyStatement(code)})
					want := mongosink.InsertResult{Inserted: 10, Bytes: size(docs), Batches: 1}
					if !readable {
						srv.Inject(mongotest.Fault{Command: "find", Code: 13})
						want = mongosink.InsertResult{Unknown: 10, Batches: 1}
					}
					r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll,
						&mongosink.InsertOptions{Ordered: ordered, RetryTimeout: 50 * time.Millisecond}))
					if n := len(srv.Documents("shop", "cookies")); n != 10 || r != want || (err == nil) != readable ||
						(stream.ClassOf(err) == stream.UnknownOutcome) == readable {
						t.Errorf("%d are stored; %+v, %v (%v)", n, r, err, stream.ClassOf(err))
					}
				})
			}
		}
	}
}

// A batch is executed in part, and then there is no server.
func TestInsertPartThenNoServer(t *testing.T) {
	unavailable := topologyError()
	f := &inserter{reply: func(call int, _ []bson.Raw) (*mongo.BulkWriteResult, error) {
		if call == 0 {
			return &mongo.BulkWriteResult{InsertedCount: 9}, exception(map[int]int{3: 16500})
		}
		return nil, unavailable
	}}
	r, err := stream.Run(t.Context(), sourceOf(withoutIDs(t, 10), nil),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{RetryTimeout: 50 * time.Millisecond}))
	if r.Unknown != 10 || !errors.Is(err, mongosink.ErrOutcomeUnknown) {
		t.Errorf("%+v, %v (%v)", r, err, stream.ClassOf(err))
	}
}

// A refusal for a transient reason proves that nothing was executed only if it comes from the server
// that executes, and if the write concerns one document.
func TestBulkRefusedPartWay(t *testing.T) {
	one := mongosink.UpdateOne(id(1), fields("$inc", fields("n", 1)))
	many := mongosink.UpdateMany(bson.D{}, fields("$inc", fields("n", 1)))
	for name, c := range map[string]struct {
		write mongosink.Write
		code  int32
		class stream.Class
	}{
		"one, overloaded":    {one, 16500, stream.Throttled},
		"one, not primary":   {one, 10107, stream.Retryable},
		"one, network":       {one, 6, stream.UnknownOutcome},
		"one, shutting down": {one, 11600, stream.UnknownOutcome},
		"one, not valid":     {one, 121, stream.Data},
		"many, overloaded":   {many, 16500, stream.UnknownOutcome},
		"many, not primary":  {many, 10107, stream.UnknownOutcome},
		"many, not valid":    {many, 121, stream.Data},
	} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "update", WriteErrors: map[int]int32{0: c.code}})
		r, err := stream.Run(t.Context(), source.Of(c.write),
			mongosink.Bulk(coll, &mongosink.WriteOptions{RetryTimeout: -1}))
		unknown := c.class == stream.UnknownOutcome
		if stream.ClassOf(err) != c.class || (r.Unknown == 1) != unknown || (r.Failed == 1) == unknown {
			t.Errorf("%s: %+v, %v (%v), want %v", name, r, err, stream.ClassOf(err), c.class)
		}
	}
}

// The command is lost, and there is no document that it would change. In an ordered run without
// retryable writes, the server may still execute it after a later batch has made the document.
func TestBulkLostAndAbsent(t *testing.T) {
	for name, write := range map[string]mongosink.Write{
		"update":  mongosink.UpdateOne(id(1), fields("$set", fields("n", 1))),
		"replace": mongosink.ReplaceOne(id(1), fields("n", 1)),
		"delete":  mongosink.DeleteOne(id(1)),
	} {
		for _, standalone := range []bool{true, false} {
			for _, ordered := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, standalone %v, ordered %v", name, standalone, ordered), func(t *testing.T) {
					t.Parallel()
					srv, coll := serveStandalone(t, standalone)
					srv.Inject(mongotest.Fault{Command: "update", Close: true})
					srv.Inject(mongotest.Fault{Command: "delete", Close: true})
					r, err := stream.Run(t.Context(), source.Of(write),
						mongosink.Bulk(coll, &mongosink.WriteOptions{Ordered: ordered, RetryTimeout: -1}))
					unknown := standalone && ordered
					if errors.Is(err, mongosink.ErrOutcomeUnknown) != unknown || (r.Unknown == 1) != unknown ||
						(r.Settled == 1) == unknown {
						t.Errorf("%+v, %v", r, err)
					}
				})
			}
		}
	}
}

// The server executes a batch, ends the command, and a majority read does not show the documents
// yet. That they are absent from it proves nothing.
func TestInsertNotYetOfMajority(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{
		Command: "insert",
		Reply:   raw(t, fields("ok", 0, "code", 11600, "errmsg", "shutting down")),
	})
	srv.Inject(mongotest.Fault{
		Command: "find",
		If: func(c mongotest.Command) bool {
			level, _ := c.Body.Lookup("readConcern", "level").StringValueOK()
			return level == "majority"
		},
		Reply: raw(t, fields("ok", 1, "cursor", fields("id", int64(0), "ns", "shop.cookies", "firstBatch", bson.A{}))),
	})
	r, err := stream.Run(t.Context(), sourceOf(withoutIDs(t, 10), nil), mongosink.Insert(coll, once))
	if n := len(srv.Documents("shop", "cookies")); n != 10 || r != (mongosink.InsertResult{Unknown: 10}) ||
		stream.ClassOf(err) != stream.UnknownOutcome {
		t.Errorf("%d are stored; %+v, %v (%v)", n, r, err, stream.ClassOf(err))
	}
}

// A batch may be executed, and then the server says that it knows no retryable writes. Only
// documents that their _ids identify are sent again without a number.
func TestBulkNumbersRefusedLate(t *testing.T) {
	for name, c := range map[string]struct {
		write mongosink.Write
		known bool
	}{
		"update":  {mongosink.UpdateOne(id(1), fields("$inc", fields("n", int64(1)))).Upsert(), false},
		"replace": {mongosink.UpsertOne(id(1), fields("n", int64(1))), true},
	} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "update", Nth: 1, Lose: true})
		srv.Inject(mongotest.Fault{
			Command: "update", Nth: 2, Code: 20,
			Text: "Transaction numbers are only allowed on a replica set",
		})
		r, err := stream.Run(t.Context(), source.Of(c.write), mongosink.Bulk(coll, nil))
		stored := srv.Documents("shop", "cookies")
		if n, _ := stored[0].Lookup("n").AsInt64OK(); n != 1 || (err == nil) != c.known || (r.Unknown == 0) != c.known {
			t.Errorf("%s: %v is stored; %+v, %v (%v)", name, stored, r, err, stream.ClassOf(err))
		}
	}
}

// Overload alone does not say that the server executed nothing. It says so with RetryableError.
func TestInsertOverloadedLate(t *testing.T) {
	for _, labels := range []bson.A{
		{"SystemOverloadedError"}, {"SystemOverloadedError", "RetryableError"}, {"NoWritesPerformed"},
	} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{
			Command: "insert", Reply: raw(t, fields("ok", 0, "code", 462, "errmsg", "busy", "errorLabels", labels)),
		})
		srv.Inject(mongotest.Fault{Command: "find", Code: 13})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, once))
		doubted := len(labels) == 1 && labels[0] == "SystemOverloadedError"
		if (r.Unknown == 10) != doubted || (stream.ClassOf(err) == stream.UnknownOutcome) != doubted {
			t.Errorf("%v: %+v, %v (%v)", labels, r, err, stream.ClassOf(err))
		}
	}
}
