package mongotest_test

import (
	"fmt"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// op returns the document {operator: v}.
func op(operator string, v any) bson.D { return bson.D{{Key: operator, Value: v}} }

func decimal(t *testing.T, text string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ids returns the _ids of the documents of a cursor.
func ids(t *testing.T, cur *mongo.Cursor, err error) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	var all []any
	for cur.Next(t.Context()) {
		var d struct{ ID any }
		d.ID = cur.Current.Lookup("_id").AsInt64()
		all = append(all, d.ID)
	}
	if cur.Err() != nil {
		return cur.Err().Error()
	}
	return fmt.Sprint(all...)
}

// Filters compare as a real server does: within a bracket of types, through arrays and documents.
func TestFilters(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	for i, v := range []any{
		1, 2.5, decimal(t, "2.50"), "b",
		bson.A{1, 5},
		bson.D{{Key: "b", Value: 7}},
		nil, math.NaN(), true,
		bson.A{bson.D{{Key: "b", Value: 7}}, bson.D{{Key: "b", Value: 8}}},
	} {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "a", Value: v}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 10}}); err != nil { // without a
		t.Fatal(err)
	}
	a := func(v any) bson.D { return bson.D{{Key: "a", Value: v}} }
	for _, c := range []struct {
		filter bson.D
		want   string
	}{
		{a(1.0), "0 4"},
		{a(decimal(t, "2.5")), "1 2"},
		{a(op("$gt", 1)), "1 2 4"},
		{a(op("$gte", 2.5)), "1 2 4"},
		{a(op("$lt", 2)), "0 4"},
		{a(op("$lte", math.Inf(1))), "0 1 2 4"},
		{a(bson.D{{Key: "$gt", Value: 1}, {Key: "$lt", Value: 3}}), "1 2 4"},
		{a(op("$gt", "a")), "3"},
		{a(math.NaN()), "7"},
		{a(op("$gte", math.NaN())), "7"},
		{a(nil), "6 10"},
		{a(op("$gte", nil)), "6 10"},
		{a(op("$ne", nil)), "0 1 2 3 4 5 7 8 9"},
		{a(op("$in", bson.A{"b", 5})), "3 4"},
		{a(op("$nin", bson.A{"b", 5, nil, 1})), "1 2 5 7 8 9"},
		{a(op("$exists", false)), "10"},
		{a(op("$type", "number")), "0 1 2 4 7"},
		{a(op("$type", bson.A{"bool", 2})), "3 8"},
		{a(op("$not", op("$gte", 2))), "0 3 5 6 7 8 9 10"},
		{bson.D{{Key: "a.b", Value: 7}}, "5 9"},
		{bson.D{{Key: "a.1.b", Value: 8}}, "9"},
		{bson.D{{Key: "a.1", Value: 5}}, "4"},
		{op("$and", bson.A{a(op("$gt", 0)), a(op("$lt", 2))}), "0 4"},
		{op("$or", bson.A{a("b"), a(true)}), "3 8"},
		{op("$nor", bson.A{a("b"), a(op("$type", "number"))}), "5 6 8 9 10"},
		{op("$expr", op("$gt", bson.A{"$a", bson.D{{Key: "$literal", Value: "a"}}})), "3 4 5 8 9"},
		{op("$expr", op("$and", bson.A{
			op("$gte", bson.A{"$_id", 2}), op("$not", bson.A{op("$gt", bson.A{"$_id", 3})}),
		})), "2 3"},
		{op("$expr", op("$or", bson.A{op("$eq", bson.A{"$_id", 2}), op("$lte", bson.A{"$_id", 0})})), "0 2"},
		{op("$expr", op("$eq", bson.A{"$a.b", 7})), "5"},
		{op("$comment", "all"), "0 1 2 3 4 5 6 7 8 9 10"},
	} {
		cur, err := coll.Find(t.Context(), c.filter)
		if got := ids(t, cur, err); got != c.want {
			t.Errorf("%v: %s, want %s", c.filter, got, c.want)
		}
	}
}

func TestSorts(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	for i, v := range []any{bson.A{3, 9}, 2, decimal(t, "1.5"), "x", nil, bson.A{5, 1}} {
		doc := bson.D{{Key: "_id", Value: i}, {Key: "a", Value: v}, {Key: "b", Value: bson.D{{Key: "c", Value: i % 2}}}}
		if _, err := coll.InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		sort bson.D
		want string
	}{
		{bson.D{{Key: "a", Value: 1}}, "4 5 2 1 0 3"},
		{bson.D{{Key: "a", Value: -1}}, "3 0 5 1 2 4"},
		{bson.D{{Key: "b.c", Value: -1}, {Key: "_id", Value: 1}}, "1 3 5 0 2 4"},
		{bson.D{{Key: "none", Value: 1}}, "0 1 2 3 4 5"},
	} {
		cur, err := coll.Find(t.Context(), bson.D{}, options.Find().SetSort(c.sort))
		if got := ids(t, cur, err); got != c.want {
			t.Errorf("%v: %s, want %s", c.sort, got, c.want)
		}
	}
}

func TestProjections(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	if _, err := coll.InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 2}, {Key: "b", Value: 3}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fields bson.D
		want   string
	}{
		{bson.D{}, `_id a b`},
		{bson.D{{Key: "a", Value: 1}}, `_id a`},
		{bson.D{{Key: "a", Value: true}, {Key: "_id", Value: 0}}, `a`},
		{bson.D{{Key: "a", Value: 0}}, `_id b`},
		{bson.D{{Key: "_id", Value: 1}}, `_id`},
		{bson.D{{Key: "_id", Value: 0}}, `a b`},
		{bson.D{{Key: "_id", Value: 1}, {Key: "b", Value: 1}}, `_id b`},
	} {
		doc, err := coll.FindOne(t.Context(), bson.D{}, options.FindOne().SetProjection(c.fields)).Raw()
		elements, _ := doc.Elements()
		names := ""
		for _, e := range elements {
			names += " " + e.Key()
		}
		if err != nil || names != " "+c.want {
			t.Errorf("%v: %s, %v", c.fields, names, err)
		}
	}
}

// Numbers that are equal have one key, whatever their types.
func TestEqualIDs(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	for _, id := range []any{1, 2.5, "a", bson.D{{Key: "n", Value: 1}}, math.NaN(), int64(math.MaxInt64), nil} {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []any{
		1.0, int64(1), decimal(t, "1.0"), decimal(t, "2.5"), bson.Symbol("a"),
		bson.D{{Key: "n", Value: 1.0}},
		decimal(t, "NaN"), decimal(t, "9223372036854775807"), nil,
	} {
		_, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}})
		if !mongo.IsDuplicateKeyError(err) {
			t.Errorf("%v (%T): %v", id, id, err)
		}
	}
	for _, id := range []any{float64(math.MaxInt64), bson.D{{Key: "m", Value: 1}}, decimal(t, "1.01")} {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
			t.Errorf("%v: %v", id, err)
		}
	}
}

func TestListDatabases(t *testing.T) {
	client := connect(t, mongotest.NewServer())
	for _, db := range []string{"a", "b"} {
		if _, err := client.Database(db).Collection("c").InsertOne(t.Context(), op("_id", 1)); err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[string]int{"a": 1, "none": 0} {
		names, err := client.ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: filter}})
		if err != nil || len(names) != want {
			t.Errorf("%s: %q, %v", filter, names, err)
		}
	}
	if _, err := client.ListDatabaseNames(t.Context(), bson.D{{Key: "$where", Value: "1"}}); err == nil {
		t.Error("a filter that is not supported is accepted")
	}
}
