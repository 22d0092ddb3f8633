package mongotest_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
)

func TestStages(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	for i := range 10 {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "a", Value: i % 2}}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		pipeline mongo.Pipeline
		want     string
	}{
		"match, sort, skip, limit": {mongo.Pipeline{
			op("$match", bson.D{{Key: "a", Value: 1}}), op("$sort", bson.D{{Key: "_id", Value: -1}}),
			op("$skip", 1), op("$limit", 2),
		}, "7 5"},
		"project": {mongo.Pipeline{op("$project", bson.D{{Key: "_id", Value: 1}}), op("$limit", 1)}, "0"},
		"sample": {mongo.Pipeline{
			op("$sample", bson.D{{Key: "size", Value: 100}}), op("$sort", bson.D{{Key: "_id", Value: 1}}),
		}, "0 1 2 3 4 5 6 7 8 9"},
		"none": {mongo.Pipeline{op("$match", bson.D{{Key: "a", Value: 3}}), op("$count", "n")}, ""},
	} {
		cur, err := coll.Aggregate(t.Context(), c.pipeline)
		if got := ids(t, cur, err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		pipeline mongo.Pipeline
		want     string // the last document
	}{
		"bucketAuto": {
			mongo.Pipeline{op("$bucketAuto", bson.D{{Key: "groupBy", Value: "$_id"}, {Key: "buckets", Value: 3}})},
			`{"_id": {"min": {"$numberInt":"6"},"max": {"$numberInt":"9"}},"count": {"$numberInt":"4"}}`,
		},
		"collStats": {
			mongo.Pipeline{op("$collStats", bson.D{{Key: "count", Value: bson.D{}}})},
			`{"ns": "shop.values","count": {"$numberInt":"10"}}`,
		},
		"count": {mongo.Pipeline{op("$count", "n")}, `{"n": {"$numberInt":"10"}}`},
	} {
		cur, err := coll.Aggregate(t.Context(), c.pipeline)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		last := ""
		for cur.Next(t.Context()) {
			last = cur.Current.String()
		}
		if last != c.want || cur.Err() != nil {
			t.Errorf("%s: %s, %v", name, last, cur.Err())
		}
	}
}
