package mongotest_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// cappedCollection returns a capped collection of 4096 bytes.
func cappedCollection(t *testing.T) *mongo.Collection {
	t.Helper()
	db := connect(t, mongotest.NewServer()).Database("shop")
	o := options.CreateCollection().SetCapped(true).SetSizeInBytes(4096)
	if err := db.CreateCollection(t.Context(), "capped", o); err != nil {
		t.Fatal(err)
	}
	return db.Collection("capped")
}

// insertLarge inserts documents of more than 1500 bytes: two of them fit.
func insertLarge(t *testing.T, coll *mongo.Collection, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		doc := bson.D{{Key: "_id", Value: i}, {Key: "a", Value: strings.Repeat("x", 1500)}}
		if _, err := coll.InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
}

// A deleted document makes room in a capped collection.
func TestCappedDelete(t *testing.T) {
	coll := cappedCollection(t)
	insertLarge(t, coll, 0, 2)
	if _, err := coll.DeleteMany(t.Context(), bson.D{}); err != nil {
		t.Fatal(err)
	}
	insertLarge(t, coll, 2, 4)
	cur, err := coll.Find(t.Context(), bson.D{})
	if got := ids(t, cur, err); got != "2 3" {
		t.Errorf("%s are left, want 2 3", got)
	}
}

// A cursor of a view is lost, too, if its next document has left the capped collection.
func TestCappedPositionLostOfAView(t *testing.T) {
	coll := cappedCollection(t)
	db := coll.Database()
	match := mongo.Pipeline{{{Key: "$match", Value: bson.D{}}}}
	if err := db.CreateView(t.Context(), "view", coll.Name(), match); err != nil {
		t.Fatal(err)
	}
	insertLarge(t, coll, 0, 2)
	cur, err := db.Collection("view").Find(t.Context(), bson.D{}, options.Find().SetBatchSize(1))
	if err != nil || !cur.Next(t.Context()) {
		t.Fatal(err)
	}
	insertLarge(t, coll, 2, 4)
	if got := ids(t, cur, nil); !hasCode(cur.Err(), 136) {
		t.Errorf("it goes on with %s", got)
	}
}

// An update that a unique index refuses leaves the keys of the index as they were.
func TestRefusedUpdateKeepsKeys(t *testing.T) {
	coll := connect(t, mongotest.NewServer()).Database("shop").Collection("unique")
	_, err := coll.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys: bson.D{{Key: "a", Value: 1}}, Options: options.Index().SetUnique(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "a", Value: i}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := coll.UpdateByID(t.Context(), 0, op("$set", bson.D{{Key: "a", Value: 1}})); !hasCode(err, 11000) {
		t.Fatal(err)
	}
	_, err = coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 2}, {Key: "a", Value: 0}})
	if !hasCode(err, 11000) {
		t.Errorf("a key that is there: %v", err)
	}
}
