package mongosink_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// twiceA is a document that only the driver sends, with its two equal keys.
func twiceA(id any) bson.D { return fields("_id", id, "a", 1, "a", 2) }

// The driver's form of a replacement has no fields of With, so such replacements go in batches of
// their own. This server refuses the fields.
func TestBulkOddWithFields(t *testing.T) {
	odd := mongosink.UpsertOne(id(1), twiceA(1))
	hinted := mongosink.UpsertOne(id(2), fields("_id", 2)).With("hint", "_id_")
	for name, writes := range map[string][]mongosink.Write{"before": {hinted, odd}, "after": {odd, hinted}} {
		srv, coll := serve(t)
		_, err := stream.Run(t.Context(), source.Slice(writes),
			mongosink.Bulk(coll, &mongosink.WriteOptions{Ordered: true}))
		var said mongo.CommandError
		if !errors.As(err, &said) || said.Code != 40415 {
			t.Errorf("%s: %v; %v", name, err, srv.Documents("shop", "cookies"))
		}
	}
}

// The driver's form of an update has no pipeline, so pipelines go in batches of their own.
func TestBulkOddWithPipeline(t *testing.T) {
	odd := mongosink.UpdateOne(id(1), fields("$set", fields("a", fields("b", 1, "b", 2))))
	pipeline := mongosink.UpdateOne(id(2), bson.A{fields("$set", fields("a", 7))})
	for name, writes := range map[string][]mongosink.Write{"before": {pipeline, odd}, "after": {odd, pipeline}} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", raw(t, fields("_id", 1)), raw(t, fields("_id", 2)))
		r, err := stream.Run(t.Context(), source.Slice(writes),
			mongosink.Bulk(coll, &mongosink.WriteOptions{ContinueOnError: true}))
		want := mongosink.WriteResult{Matched: 1, Modified: 1, Failed: 1, Batches: 2} // this server knows no pipelines
		if r != want || stream.ClassOf(err) == stream.UnknownOutcome {
			t.Errorf("%s: %+v, %v; %v", name, r, err, srv.Documents("shop", "cookies"))
		}
	}
}

// An ordered batch that the driver sends inserts by upserts before one is refused.
func TestBulkOddRefused(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "update", WriteErrors: map[int]int32{2: 121}})
		r, err := stream.Run(t.Context(), source.Of(
			mongosink.UpsertOne(id(1), twiceA(1)), mongosink.UpsertOne(id(2), fields("a", 1)),
			mongosink.UpsertOne(id(3), fields("a", 1)),
		), mongosink.Bulk(coll, &mongosink.WriteOptions{Ordered: ordered}))
		if r != (mongosink.WriteResult{Upserted: 2, Failed: 1, Batches: 1}) || stream.ClassOf(err) != stream.Data {
			t.Errorf("ordered %v: %+v, %v (%v)", ordered, r, err, stream.ClassOf(err))
		}
	}
}

// The error of a batch that the driver sends keeps why the write concern was not met.
func TestInsertOddWriteConcern(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", WriteConcernError: 64})
	_, err := stream.Run(t.Context(), source.Of(raw(t, twiceA(1))), mongosink.Insert(coll, once))
	var said mongo.WriteException
	if !errors.As(err, &said) || said.WriteConcernError == nil || said.WriteConcernError.Code != 64 ||
		said.WriteConcernError.Message == "" || stream.ClassOf(err) != stream.UnknownOutcome {
		t.Errorf("%v (%v)", err, stream.ClassOf(err))
	}
}
