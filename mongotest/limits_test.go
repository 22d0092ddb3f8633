package mongotest_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// nested returns a document of n levels.
func nested(n int) bson.D {
	doc := bson.D{}
	for range n - 1 {
		doc = bson.D{{Key: "a", Value: doc}}
	}
	return doc
}

func TestDepth(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	for levels, stored := range map[int]bool{mongotest.MaxDepth: true, mongotest.MaxDepth + 1: false} {
		_, err := coll.InsertOne(t.Context(), append(bson.D{{Key: "_id", Value: levels}}, nested(levels)...))
		if stored != (err == nil) {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

// A batch that is cut has fewer documents. The cursor goes on after them, an insert does not.
func TestMost(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	for _, command := range []string{"find", "getMore", "insert"} {
		srv.Inject(mongotest.Fault{Command: command, Nth: 1, Most: 2})
	}
	docs := make([]any, 10)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}}
	}
	if _, err := coll.InsertMany(t.Context(), docs); err != nil { // the driver repeats it
		t.Error(err)
	}
	cur, err := coll.Find(t.Context(), bson.D{}, options.Find().SetBatchSize(4))
	if got := ids(t, cur, err); got != "0 1 2 3 4 5 6 7 8 9" {
		t.Error(got)
	}
	if n := len(srv.Commands("getMore")); n != 3 { // 2, 2, 4 and 2 documents
		t.Errorf("%d requests for more", n)
	}
	srv.Inject(mongotest.Fault{Command: "insert", Most: 1})
	if _, err := coll.InsertMany(t.Context(), []any{bson.D{}, bson.D{}}); err == nil {
		t.Error("an insert that was cut succeeded")
	}
}

func TestDropIndexes(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	for _, field := range []string{"a", "b"} {
		if _, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
			Keys: bson.D{{Key: field, Value: 1}}, Options: options.Index().SetUnique(true),
		}); err != nil {
			t.Fatal(err)
		}
	}
	insert := func(a, b int) bool {
		_, err := coll.InsertOne(t.Context(), bson.D{{Key: "a", Value: a}, {Key: "b", Value: b}})
		return err == nil
	}
	stored := fmt.Sprint(insert(1, 1), insert(1, 2))
	err := coll.Indexes().DropOne(t.Context(), "a_1")
	stored += fmt.Sprint(err, insert(1, 3), insert(4, 3))
	err = coll.Indexes().DropAll(t.Context())
	stored += fmt.Sprint(err, insert(4, 3))
	if stored != "true false<nil> true false<nil> true" {
		t.Error(stored)
	}
	if err := coll.Indexes().DropOne(t.Context(), "a_1"); err == nil {
		t.Error("an index was dropped twice")
	}
}

// A unique index of arrays, and those that leave out documents.
func TestUniqueIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		index *options.IndexOptionsBuilder
		docs  []bson.D
		want  string
	}{
		"array": {options.Index(), []bson.D{
			{{Key: "a", Value: bson.A{1, 2}}}, {{Key: "a", Value: 2}}, {{Key: "a", Value: 3.0}}, {{Key: "a", Value: 3}},
		}, "true false true false"},
		"missing": {options.Index(), []bson.D{{}, {}, {{Key: "a", Value: nil}}}, "true false false"},
		"sparse":  {options.Index().SetSparse(true), []bson.D{{}, {}, {{Key: "a", Value: nil}}}, "true true true"},
		"partial": {
			options.Index().SetPartialFilterExpression(bson.D{{Key: "a", Value: bson.D{{Key: "$gt", Value: 5}}}}),
			[]bson.D{{{Key: "a", Value: 5}}, {{Key: "a", Value: 5}}, {{Key: "a", Value: 6}}, {{Key: "a", Value: 6}}},
			"true true true false",
		},
	} {
		srv := mongotest.NewServer()
		coll := connect(t, srv).Database("shop").Collection("cookies")
		if _, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
			Keys: bson.D{{Key: "a", Value: 1}}, Options: c.index.SetUnique(true),
		}); err != nil {
			t.Fatal(err)
		}
		var stored []any
		for _, d := range c.docs {
			_, err := coll.InsertOne(t.Context(), d)
			stored = append(stored, err == nil)
		}
		if got := fmt.Sprint(stored...); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
