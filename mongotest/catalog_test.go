package mongotest_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
)

// run runs commands. Each must get the code that it names, or 0 for success.
func run(t *testing.T, db *mongo.Database, steps []struct {
	command bson.D
	code    int32
},
) {
	t.Helper()
	for _, s := range steps {
		err := db.RunCommand(t.Context(), s.command).Err()
		var refused mongo.CommandError
		if s.code == 0 && err != nil || s.code != 0 && (!errors.As(err, &refused) || refused.Code != s.code) {
			t.Errorf("%v: %v, want code %d", s.command, err, s.code)
		}
	}
}

// The server keeps the options of collections, and lists them as a server does.
func TestCreate(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	field := func(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
	run(t, db, []struct {
		command bson.D
		code    int32
	}{
		{bson.D{field("create", "log"), field("capped", true), field("size", 4096)}, 0},
		{bson.D{field("create", "log2"), field("capped", true)}, 72},
		{bson.D{field("create", "log")}, 48},
		{bson.D{field("create", "seen"), field("viewOn", "log"), field("pipeline", bson.A{})}, 0},
		{bson.D{field("create", "seen2"), field("viewOn", "log")}, 72},
		{bson.D{field("create", "at"), field("timeseries", bson.D{field("timeField", "t")})}, 0},
		{bson.D{field("create", "sorted"), field("clusteredIndex", bson.D{field("key", bson.D{field("_id", 1)})})}, 0},
		{bson.D{field("create", "x"), field("unheardOf", 1)}, 40415},
		{bson.D{field("collMod", "sorted"), field("expireAfterSeconds", 7)}, 0},
		{bson.D{field("collMod", "none"), field("expireAfterSeconds", 7)}, 26},
		{bson.D{field("insert", "seen"), field("documents", bson.A{bson.D{}})}, 166},
	})
	cursor, err := db.ListCollections(t.Context(), bson.D{})
	var all []bson.Raw
	if err != nil || cursor.All(t.Context(), &all) != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		got = append(got, fmt.Sprintf("%s %s %s %v %v", d.Lookup("name").StringValue(), d.Lookup("type").StringValue(),
			d.Lookup("options"), !d.Lookup("info", "uuid").IsZero(), !d.Lookup("idIndex").IsZero()))
	}
	want := []string{
		`log collection {"capped": true,"size": {"$numberInt":"4096"}} true true`,
		`seen view {"viewOn": "log","pipeline": []} false false`,
		`at timeseries {"timeseries": {"timeField": "t"}} false false`,
		`system.buckets.at collection {} true false`,
		`sorted collection {"clusteredIndex": {"key": {"_id": {"$numberInt":"1"}}},"expireAfterSeconds": ` +
			`{"$numberInt":"7"}} true false`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("\n%q\nwant\n%q", got, want)
	}
}

// The server refuses indexes as a server does, and enforces unique ones.
func TestIndexes(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	if _, err := coll.InsertMany(t.Context(), []bson.D{{{Key: "a", Value: 1}}, {{Key: "a", Value: 1}}}); err != nil {
		t.Fatal(err)
	}
	create := func(key bson.D, name string, more ...bson.E) bson.D {
		index := append(bson.D{{Key: "key", Value: key}, {Key: "name", Value: name}}, more...)
		return bson.D{{Key: "createIndexes", Value: "cookies"}, {Key: "indexes", Value: bson.A{index}}}
	}
	key := func(v any) bson.D { return bson.D{{Key: "a", Value: v}} }
	unique := bson.E{Key: "unique", Value: true}
	run(t, coll.Database(), []struct {
		command bson.D
		code    int32
	}{
		{create(key(1), "a_1"), 0},
		{create(key(1), "a_1"), 0},
		{create(key(1), "b_1"), 85},
		{create(key(1), "a_1", unique), 85},
		{create(key(-1), "a_1"), 86},
		{create(key(0), "zero"), 67},
		{create(key(true), "true"), 67},
		{create(key("odd"), "odd"), 67},
		{create(key("hashed"), "hashed"), 0},
		{create(bson.D{}, "none"), 67},
		{create(key(-1), "unknown", bson.E{Key: "unheardOf", Value: 1}), 197},
		{create(bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 1}}, "unique", unique), 11000},
		{create(bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 1}}, "both", unique), 0},
		{create(bson.D{{Key: "c", Value: 1}}, "c", bson.E{Key: "sparse", Value: true}), 0},
	})
	indexes, err := coll.Indexes().ListSpecifications(t.Context())
	if err != nil || len(indexes) != 5 || indexes[0].Name != "_id_" || indexes[4].Name != "c" {
		t.Errorf("%+v, %v", indexes, err)
	}
	other := coll.Database().Collection("other")
	run(t, other.Database(), []struct {
		command bson.D
		code    int32
	}{{bson.D{{Key: "createIndexes", Value: "other"}, {Key: "indexes", Value: bson.A{
		bson.D{{Key: "key", Value: key(1)}, {Key: "name", Value: "a_1"}, unique},
	}}}, 0}})
	for i, want := range []bool{true, false, true} {
		_, err := other.InsertOne(t.Context(), key(i/2))
		if (err == nil) != want || err != nil && !mongo.IsDuplicateKeyError(err) {
			t.Errorf("insert %d: %v", i, err)
		}
	}
	for i := range 70 {
		err = coll.Database().RunCommand(t.Context(), create(bson.D{{Key: fmt.Sprint("f", i), Value: 1}},
			fmt.Sprint(i))).Err()
	}
	var refused mongo.CommandError
	if !errors.As(err, &refused) || refused.Code != 67 {
		t.Errorf("the 75th index: %v", err)
	}
}
