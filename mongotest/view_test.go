package mongotest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// shop returns a database with the cookies 0 to 9, of the kinds 0 to 2.
func shop(t *testing.T) (*mongotest.Server, *mongo.Database) {
	t.Helper()
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	for i := range 10 {
		srv.Add("shop", "cookies", marshal(t, bson.D{{Key: "_id", Value: i}, {Key: "kind", Value: i % 3}}))
	}
	return srv, db
}

// hasCode reports whether err is the server's with a code.
func hasCode(err error, code int) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}

// A read of a view reads what its pipeline makes of the collection below, now and in a snapshot.
func TestViews(t *testing.T) {
	srv, db := shop(t)
	match := func(filter bson.D) mongo.Pipeline { return mongo.Pipeline{{{Key: "$match", Value: filter}}} }
	kind := match(bson.D{{Key: "kind", Value: 1}})
	few := match(bson.D{{Key: "_id", Value: op("$lt", 6)}})
	if err := errors.Join(db.CreateView(t.Context(), "kind1", "cookies", kind),
		db.CreateView(t.Context(), "few", "kind1", few)); err != nil {
		t.Fatal(err)
	}
	cur, err := db.Collection("kind1").Find(t.Context(), bson.D{})
	if got := ids(t, cur, err); got != "1 4 7" {
		t.Errorf("the view has %s", got)
	}
	cur, err = db.Collection("few").Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}))
	if got := ids(t, cur, err); got != "4 1" {
		t.Errorf("the view of the view has %s", got)
	}
	cur, err = db.Collection("few").Aggregate(t.Context(), match(bson.D{{Key: "_id", Value: 4}}))
	if got := ids(t, cur, err); got != "4" {
		t.Errorf("an aggregation of it has %s", got)
	}
	if n, err := db.Collection("kind1").EstimatedDocumentCount(t.Context()); n != 3 || err != nil {
		t.Errorf("it counts %d, %v", n, err)
	}
	if n, err := db.Collection("kind1").CountDocuments(t.Context(), bson.D{}); n != 3 || err != nil {
		t.Errorf("it counts %d documents, %v", n, err)
	}
	session, err := db.Client().StartSession(options.Session().SetSnapshot(true))
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	ctx := mongo.NewSessionContext(t.Context(), session)
	for range 2 {
		cur, err = db.Collection("kind1").Find(ctx, bson.D{})
		if got := ids(t, cur, err); got != "1 4 7" {
			t.Errorf("at one time, the view has %s", got)
		}
		srv.Add("shop", "cookies", marshal(t, bson.D{{Key: "_id", Value: 13}, {Key: "kind", Value: 1}}))
	}
}

func TestViewRefusals(t *testing.T) {
	_, db := shop(t)
	ctx := t.Context()
	if err := db.CreateView(ctx, "v", "cookies", mongo.Pipeline{}); err != nil {
		t.Fatal(err)
	}
	v := db.Collection("v")
	_, inserted := v.InsertOne(ctx, bson.D{})
	_, updated := v.UpdateOne(ctx, bson.D{}, op("$set", bson.D{{Key: "a", Value: 1}}))
	_, deleted := v.DeleteOne(ctx, bson.D{})
	_, listed := v.Indexes().List(ctx)
	stage := mongo.Pipeline{{{Key: "$lookup", Value: bson.D{}}}}
	for name, test := range map[string]struct {
		err  error
		code int
	}{
		"insert": {inserted, 166}, "update": {updated, 166}, "delete": {deleted, 166}, "indexes": {listed, 166},
		"a view of itself":    {db.CreateView(ctx, "w", "w", mongo.Pipeline{}), 5},
		"an unknown stage":    {db.CreateView(ctx, "w", "cookies", stage), 40324},
		"a name that is used": {db.CreateView(ctx, "cookies", "v", mongo.Pipeline{}), 48},
	} {
		if !hasCode(test.err, test.code) {
			t.Errorf("%s: %v, want the code %d", name, test.err, test.code)
		}
	}
	for i := range 21 { // v is the first of 22
		below := "v"
		if i > 0 {
			below = fmt.Sprint("v", i-1)
		}
		if err := db.CreateView(ctx, fmt.Sprint("v", i), below, mongo.Pipeline{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Collection("v20").Find(ctx, bson.D{}); !hasCode(err, 165) {
		t.Errorf("views too deep: %v", err)
	}
}

// A capped collection drops its oldest documents, by their number and their bytes.
func TestCapped(t *testing.T) {
	db := connect(t, mongotest.NewServer()).Database("shop")
	ctx := t.Context()
	o := options.CreateCollection().SetCapped(true)
	if err := errors.Join(db.CreateCollection(ctx, "three", o.SetSizeInBytes(1<<20).SetMaxDocuments(3)),
		db.CreateCollection(ctx, "small", options.CreateCollection().SetCapped(true).SetSizeInBytes(1))); err != nil {
		t.Fatal(err)
	}
	three, small := db.Collection("three"), db.Collection("small")
	for i := range 5 {
		_, err := three.InsertOne(ctx, bson.D{{Key: "_id", Value: i}})
		if err == nil {
			_, err = small.InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "a", Value: strings.Repeat("x", 1500)}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cur, err := three.Find(ctx, bson.D{})
	if got := ids(t, cur, err); got != "2 3 4" {
		t.Errorf("%s of three documents", got)
	}
	cur, err = small.Find(ctx, bson.D{})
	if got := ids(t, cur, err); got != "3 4" {
		t.Errorf("%s in 4096 bytes", got)
	}
	if _, err := three.InsertOne(ctx, bson.D{{Key: "_id", Value: 0}}); err != nil {
		t.Errorf("an _id that was dropped: %v", err)
	}
	if _, err := small.InsertOne(ctx, bson.D{{Key: "a", Value: strings.Repeat("x", 5000)}}); !hasCode(err, 2) {
		t.Errorf("a document that is larger than the collection: %v", err)
	}
	if _, err := three.UpdateByID(ctx, 3, op("$set", bson.D{{Key: "a", Value: 1}})); !hasCode(err, 10003) {
		t.Errorf("a document that grows: %v", err)
	}
}

// A cursor whose next document was dropped is lost.
func TestCappedPositionLost(t *testing.T) {
	db := connect(t, mongotest.NewServer()).Database("shop")
	ctx := t.Context()
	if err := db.CreateCollection(ctx, "three", options.CreateCollection().SetCapped(true).SetSizeInBytes(4096).
		SetMaxDocuments(3)); err != nil {
		t.Fatal(err)
	}
	three := db.Collection("three")
	add := func(from int) {
		for i := range 3 {
			if _, err := three.InsertOne(ctx, bson.D{{Key: "_id", Value: from + i}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(0)
	cur, err := three.Find(ctx, bson.D{}, options.Find().SetBatchSize(1))
	if err != nil || !cur.Next(ctx) {
		t.Fatal(err)
	}
	add(3)
	if got := ids(t, cur, nil); !hasCode(cur.Err(), 136) {
		t.Errorf("it goes on with %s", got)
	}
}

// A validator refuses documents with the code 121, in inserts and updates.
func TestValidators(t *testing.T) {
	d := func(pairs ...any) (d bson.D) {
		for i := 0; i < len(pairs); i += 2 {
			d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
		}
		return d
	}
	name := d("bsonType", "string", "minLength", 2, "maxLength", 3)
	for i, test := range []struct {
		rule      bson.D
		good, bad []bson.D
	}{
		{op("n", op("$gt", 1)), []bson.D{d("n", 2)}, []bson.D{d("n", 1), {}}},
		{
			op("$jsonSchema", d("bsonType", "object", "required", bson.A{"name"}, "properties", d("name", name))),
			[]bson.D{d("name", "abc"), d("name", "äöü", "other", 1)},
			[]bson.D{{}, d("name", 1), d("name", "a"), d("name", "abcd")},
		},
		{
			op("$jsonSchema", d("properties", d("n", d(
				"type", "number", "minimum", 1, "maximum", 3, "exclusiveMaximum", true,
			)))),
			[]bson.D{{}, d("n", 1), d("n", 2.9)},
			[]bson.D{d("n", 0), d("n", 3), d("n", "2")},
		},
		{
			op("$jsonSchema", d("properties", d("_id", bson.D{}), "additionalProperties", false)),
			[]bson.D{{}},
			[]bson.D{d("a", 1)},
		},
		{
			op("$jsonSchema", d("properties", d("a", d("enum", bson.A{1, "x"})))),
			[]bson.D{d("a", 1.0), d("a", "x")},
			[]bson.D{d("a", 2)},
		},
		{
			op("$jsonSchema", d("properties", d("a", d(
				"bsonType", bson.A{"array", "null"}, "items", d("bsonType", "int"), "maxItems", 2,
			)))),
			[]bson.D{d("a", nil), d("a", bson.A{1, 2})},
			[]bson.D{d("a", bson.A{"1"}), d("a", bson.A{1, 2, 3}), d("a", 1)},
		},
		{op("$jsonSchema", d("not", d("required", bson.A{"a"}))), []bson.D{{}}, []bson.D{d("a", 1)}},
		{
			op("$jsonSchema", d("oneOf", bson.A{d("required", bson.A{"a"}), d("required", bson.A{"b"})})),
			[]bson.D{d("a", 1), d("b", 1)},
			[]bson.D{{}, d("a", 1, "b", 1)},
		},
	} {
		db := connect(t, mongotest.NewServer()).Database("shop")
		ctx := t.Context()
		if err := db.CreateCollection(ctx, "c", options.CreateCollection().SetValidator(test.rule)); err != nil {
			t.Fatal(err)
		}
		coll := db.Collection("c")
		for _, doc := range test.good {
			if _, err := coll.InsertOne(ctx, doc); err != nil {
				t.Errorf("%d: %v: %v", i, doc, err)
			}
			if _, err := coll.ReplaceOne(ctx, bson.D{}, doc); err != nil {
				t.Errorf("%d: %v as a replacement: %v", i, doc, err)
			}
		}
		for _, doc := range test.bad {
			if _, err := coll.InsertOne(ctx, doc); !hasCode(err, 121) {
				t.Errorf("%d: %v: %v", i, doc, err)
			}
			if _, err := coll.ReplaceOne(ctx, bson.D{}, doc); !hasCode(err, 121) {
				t.Errorf("%d: %v as a replacement: %v", i, doc, err)
			}
			_, err := coll.ReplaceOne(ctx, op("none", 1), doc, options.Replace().SetUpsert(true))
			if !hasCode(err, 121) {
				t.Errorf("%d: %v as an upsert: %v", i, doc, err)
			}
			if _, err := coll.InsertOne(ctx, doc, options.InsertOne().SetBypassDocumentValidation(true)); err != nil {
				t.Errorf("%d: %v without validation: %v", i, doc, err)
			}
		}
	}
}

// What the server cannot validate, it refuses when the collection is created.
func TestValidatorRefusals(t *testing.T) {
	db := connect(t, mongotest.NewServer()).Database("shop")
	for _, rule := range []bson.D{
		op("$jsonSchema", op("patternProperties", bson.D{})),
		op("$jsonSchema", op("bsonType", "text")),
		op("$jsonSchema", op("required", bson.A{})),
		op("$jsonSchema", op("exclusiveMinimum", true)),
		op("$jsonSchema", op("exclusiveMaximum", false)),
		op("$jsonSchema", bson.D{{Key: "minimum", Value: 1}, {Key: "exclusiveMinimum", Value: 1}}),
		op("$jsonSchema", bson.D{{Key: "minimum", Value: 1}, {Key: "exclusiveMaximum", Value: true}}),
		op("$where", "true"),
	} {
		err := db.CreateCollection(t.Context(), "c", options.CreateCollection().SetValidator(rule))
		if !hasCode(err, 2) {
			t.Errorf("%v: %v", rule, err)
		}
	}
	if names, err := db.ListCollectionNames(t.Context(), bson.D{}); len(names) != 0 || err != nil {
		t.Errorf("collections %v, %v", names, err)
	}
}
