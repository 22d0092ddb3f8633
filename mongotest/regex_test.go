package mongotest_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

func TestRegularExpressions(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	for i, v := range []any{"abc", "ABC", "x\nabc", "abc\n", "a\vc", bson.A{1, "abc"}, 7, bson.Regex{Pattern: "^a"}} {
		srv.Add("shop", "values", marshal(t, bson.D{{Key: "_id", Value: i}, {Key: "a", Value: v}}))
	}
	re := func(pattern, options string) bson.Regex { return bson.Regex{Pattern: pattern, Options: options} }
	for _, c := range []struct {
		condition any
		want      string // "" if the server refuses it
	}{
		{re("^abc", ""), "0 3 5"},
		{re("^a", ""), "0 3 4 5 7"},
		{re("^abc$", ""), "0 3 5"},
		{re("^abc$", "m"), "0 2 3 5"},
		{re("^abc", "i"), "0 1 3 5"},
		{re("x.abc", "s"), "2"},
		{re(`a\sc`, ""), "4"},
		{re(`a[\s]c`, ""), "4"},
		{re(`a\Sc`, ""), "0 2 3 5"},
		{re(`[]\]a]b`, ""), "0 2 3 5"},
		{op("$regex", "BC"), "1"},
		{bson.D{{Key: "$regex", Value: "^BC|^ABC"}, {Key: "$options", Value: "i"}}, "0 1 3 5"},
		{bson.D{{Key: "$options", Value: "i"}, {Key: "$regex", Value: "^ab"}, {Key: "$ne", Value: "abc"}}, "1 3"},
		{op("$in", bson.A{re("^AB", ""), 7}), "1 6"},
		{op("$nin", bson.A{re("b", "i")}), "4 6 7"},
		{op("$not", re("b", "i")), "4 6 7"},
		{op("$eq", re("^a", "")), "7"},
		{op("$ne", re("^a", "")), ""},
		{op("$gt", re("^a", "")), ""},
		{re("a(?=b)", ""), ""},
		{re(`(a)\1`, ""), ""},
		{re("a$b", ""), ""},
		{re("(^abc$)|x|(y(z$))", ""), "0 2 3 5"},
		{re("(^abc$|[)]y)", ""), "0 3 5"},
		{re("(abc$)\n", ""), ""},
		{re("(abc$|x)\n", ""), ""},
		{re("(abc$)+", ""), ""},
		{re(`[[:alpha:]\s]`, ""), ""},
		{re("[[=a=]]", ""), ""},
		{re("^$", "m"), ""},
		{re("(^|a)b", "m"), ""},
		{re("^a?", "m"), ""},
		{re(`[^b]bc`, "m"), "0 2 3 5"},
		{re("a", "x"), ""},
		{re("a++", ""), ""},
		{re(`\R`, ""), ""},
		{op("$options", "i"), ""},
		{op("$regex", 7), ""},
	} {
		cur, err := coll.Find(t.Context(), bson.D{{Key: "a", Value: c.condition}})
		switch got := ids(t, cur, err); {
		case c.want == "" && !hasCode(err, 2):
			t.Errorf("%v: %s, %v", c.condition, got, err)
		case c.want != "" && got != c.want:
			t.Errorf("%v: %s, want %s", c.condition, got, c.want)
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	_, db := shop(t)
	coll := db.Collection("cookies")
	few := bson.D{{Key: "_id", Value: op("$lt", 3)}}
	natural := func(n any) bson.D { return bson.D{{Key: "$natural", Value: n}} }
	for want, o := range map[string]*options.FindOptionsBuilder{
		"0 1 2 ": options.Find().SetSort(natural(1)),
		"2 1 0":  options.Find().SetSort(natural(-1)),
		"2 1 0 ": options.Find().SetHint(natural(-1)),
		"0 1 2":  options.Find().SetHint(natural(-1)).SetSort(bson.D{{Key: "_id", Value: 1}}),
	} {
		cur, err := coll.Find(t.Context(), few, o)
		if got := ids(t, cur, err); got != want && got+" " != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	_, two := coll.Find(t.Context(), few, options.Find().SetSort(natural(2)))
	_, mixed := coll.Find(t.Context(), few, options.Find().SetSort(append(natural(1), bson.E{Key: "a", Value: 1})))
	if !hasCode(two, 2) || !hasCode(mixed, 2) {
		t.Error(errors.Join(two, mixed))
	}
}

// Projections reach into documents and arrays.
func TestDottedProjections(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("values")
	var doc bson.D
	const text = `{"_id": 1, "a": {"b": 1, "c": {"d": 2, "e": 3}}, "l": [{"x": 1, "y": 2}, 7, [{"x": 3, "y": 4}]], "s": "t"}`
	if err := bson.UnmarshalExtJSON([]byte(text), false, &doc); err != nil {
		t.Fatal(err)
	}
	srv.Add("shop", "values", marshal(t, doc))
	for fields, want := range map[string]string{
		`{"a.b": 1}`:              `{"_id":1,"a":{"b":1}}`,
		`{"a.c.d": 1, "_id": 0}`:  `{"a":{"c":{"d":2}}}`,
		`{"a": {"c": {"e": 1}}}`:  `{"_id":1,"a":{"c":{"e":3}}}`,
		`{"l.x": 1}`:              `{"_id":1,"l":[{"x":1},[{"x":3}]]}`,
		`{"s.x": 1, "a.none": 1}`: `{"_id":1,"a":{}}`,
		`{"l.x": 0, "a": 0}`:      `{"_id":1,"l":[{"y":2},7,[{"y":4}]],"s":"t"}`,
		`{"a.c.d": 0, "l": 0}`:    `{"_id":1,"a":{"b":1,"c":{"e":3}},"s":"t"}`,
		`{"a": 1, "a.b": 1}`:      "",
		`{"a.b": 1, "a": 1}`:      "",
		`{"a.b": 1, "s": 0}`:      "",
		`{"a": {"$slice": 1}}`:    "",
		`{"a.$": 1}`:              "",
		`{"a": "$s"}`:             "",
	} {
		var projection bson.D
		if err := bson.UnmarshalExtJSON([]byte(fields), false, &projection); err != nil {
			t.Fatal(err)
		}
		got, err := coll.FindOne(t.Context(), bson.D{}, options.FindOne().SetProjection(projection)).Raw()
		json, _ := bson.MarshalExtJSON(got, false, false)
		switch {
		case want == "" && !hasCode(err, 2):
			t.Errorf("%s: %s, %v", fields, json, err)
		case want != "" && string(json) != want:
			t.Errorf("%s: %s, want %s", fields, json, want)
		}
	}
}
