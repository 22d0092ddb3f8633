package mongotest_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// numberedIDs returns generated documents with the _ids 10, 20, 30…
func numberedIDs(t *testing.T, n int) *mongotest.Generated {
	id := func(i int) (id bson.ObjectID) {
		binary.BigEndian.PutUint64(id[4:], uint64(10*(i+1)))
		return id
	}
	return &mongotest.Generated{Documents: n, ID: id, Document: func(i int) bson.Raw {
		return marshal(t, bson.D{{Key: "_id", Value: id(i)}, {Key: "text", Value: strings.Repeat("x", i%7)}})
	}}
}

// A generated collection answers every range, batch size and count as one that holds the documents.
func TestGeneratedIsLikeStored(t *testing.T) {
	const n = 25
	srv, g := mongotest.NewServer(), numberedIDs(t, n)
	db := connect(t, srv).Database("shop")
	srv.AddGenerated("shop", "made", g)
	for i := range n {
		srv.Add("shop", "stored", g.Document(i))
	}
	filters := []bson.D{{}, {{Key: "_id", Value: op("$type", "string")}}}
	for _, at := range []int{5, 10, 15, 120, 125, 250, 260} {
		var id bson.ObjectID
		binary.BigEndian.PutUint64(id[4:], uint64(at))
		for _, operator := range []string{"$gt", "$gte", "$lt", "$lte", "$eq", "$ne"} {
			filters = append(filters, bson.D{{Key: "_id", Value: op(operator, id)}},
				bson.D{{Key: "$expr", Value: op(operator,
					bson.A{"$_id", op("$literal", id)})}})
		}
		filters = append(filters, bson.D{{Key: "$and", Value: bson.A{
			bson.D{{Key: "_id", Value: op("$gte", id)}}, bson.D{{Key: "_id", Value: op("$lt", g.ID(13))}},
		}}}, bson.D{{Key: "$expr", Value: op("$gt", bson.A{"$_id", op("$literal", "text")})}})
	}
	read := func(coll string, filter bson.D, o *options.FindOptionsBuilder) string {
		cur, err := db.Collection(coll).Find(t.Context(), filter, o.SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			t.Fatalf("%v: %v", filter, err)
		}
		var docs []bson.Raw
		if err := cur.All(t.Context(), &docs); err != nil {
			t.Fatalf("%v: %v", filter, err)
		}
		count, err := db.Collection(coll).CountDocuments(t.Context(), filter)
		return fmt.Sprint(docs, count, err)
	}
	for _, filter := range filters {
		for _, size := range []int32{0, 1, 2, 24, 25, 26} {
			for _, limit := range []int64{0, 1, 12, 30} {
				o := func() *options.FindOptionsBuilder { return options.Find().SetBatchSize(size).SetLimit(limit) }
				if got, want := read("made", filter, o()), read("stored", filter, o()); got != want {
					t.Fatalf("%v in batches of %d up to %d: %s\nwant %s", filter, size, limit, got, want)
				}
			}
		}
	}
	if open := srv.Cursors(); open != 0 {
		t.Errorf("%d cursors are left", open)
	}
	before := read("made", bson.D{}, options.Find())
	srv.ChangeGenerated("shop", "made", numberedIDs(t, n+1))
	if after := read("made", bson.D{}, options.Find()); after == before {
		t.Error("a change has no effect")
	}
	srv.ChangeGenerated("shop", "made", g)
	if n, err := db.Collection("made").EstimatedDocumentCount(t.Context()); n != 25 || err != nil {
		t.Errorf("it counts %d, %v", n, err)
	}
}

// What a generated collection does not support is refused.
func TestGeneratedRefuses(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	srv.AddGenerated("shop", "made", numberedIDs(t, 5))
	coll, all := db.Collection("made"), bson.D{}
	find := func(filter bson.D, o *options.FindOptionsBuilder) error {
		_, err := coll.Find(t.Context(), filter, o)
		return err
	}
	_, updated := coll.UpdateOne(t.Context(), all, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}})
	_, sampled := coll.Aggregate(t.Context(),
		mongo.Pipeline{{{Key: "$sample", Value: bson.D{{Key: "size", Value: 1}}}}})
	_, inserted := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}})
	_, indexed := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "a", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	for name, err := range map[string]error{
		"a field":        find(bson.D{{Key: "text", Value: "x"}}, options.Find()),
		"a path":         find(bson.D{{Key: "$expr", Value: op("$eq", bson.A{"$text", "x"})}}, options.Find()),
		"another order":  find(all, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}})),
		"a projection":   find(all, options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}})),
		"an update":      updated,
		"a sample":       sampled,
		"an insert":      inserted,
		"a unique index": indexed,
	} {
		if err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
}

// A server keeps documents that it recognizes by their numbers, in any order, and gives them back.
func TestRecognize(t *testing.T) {
	const n = 130
	srv, g := mongotest.NewServer(), numberedIDs(t, n)
	db := connect(t, srv).Database("shop")
	srv.Recognize(g)
	coll := db.Collection("target")
	for i := range n {
		if srv.HasGenerated("shop", "target", g) {
			t.Fatalf("after %d documents it has all", i)
		}
		if _, err := coll.InsertOne(t.Context(), g.Document((i*7)%n)); err != nil {
			t.Fatal(err)
		}
	}
	if docs := srv.Documents("shop", "target"); len(docs) != 0 {
		t.Errorf("%d documents are in memory", len(docs))
	}
	if err := db.Client().Database("admin").RunCommand(t.Context(), bson.D{
		{Key: "renameCollection", Value: "shop.target"}, {Key: "to", Value: "shop.renamed"},
	}).Err(); err != nil {
		t.Fatal(err)
	}
	if !srv.HasGenerated("shop", "renamed", g) {
		t.Error("it does not have all documents")
	}
	cur, err := db.Collection("renamed").Find(t.Context(), bson.D{})
	var docs []bson.Raw
	if err == nil {
		err = cur.All(t.Context(), &docs)
	}
	if err != nil || len(docs) != n {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	for i, doc := range docs {
		if string(doc) != string(g.Document(i)) {
			t.Fatalf("document %d is %s", i, doc)
		}
	}
	if _, err := db.Collection("renamed").InsertOne(t.Context(), g.Document(3)); !hasCode(err, 11000) {
		t.Errorf("a repeated document: %v", err)
	}
	changed := marshal(t, bson.D{{Key: "_id", Value: g.ID(0)}, {Key: "text", Value: "changed"}})
	if _, err := coll.InsertMany(t.Context(), []any{g.Document(1), changed}); !hasCode(err, 2) {
		t.Errorf("a changed document after a recognized one: %v", err)
	}
	if _, err := db.Collection("other").InsertOne(t.Context(), changed); err != nil ||
		len(srv.Documents("shop", "other")) != 1 {
		t.Errorf("a document that is not recognized: %v", err)
	}
}
