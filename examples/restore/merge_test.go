package main_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

func TestMergeConflict(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 1200)
	nested := bson.D{{Key: "_id", Value: bson.D{{Key: "shop", Value: 7}}}, {Key: "yours", Value: true}}
	if _, err := w.DB.Collection("cookies").InsertOne(t.Context(), nested); err != nil {
		t.Fatal(err)
	}
	backup(t, w, "cookies", "-recipient", w.Recipient)
	if _, err := w.DB.Collection("back").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: "cookie-001111"}, {Key: "mine", Value: true}}); err != nil {
		t.Fatal(err)
	}
	before := w.Documents(t, "back")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-merge")...), 1, "another document", "cookie-001111",
		"nothing was inserted into shop.back")
	same(t, w.Documents(t, "back"), before)

	if err := w.DB.Collection("back").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine := bson.D{nested[0], {Key: "mine", Value: true}}
	if _, err := w.DB.Collection("back").InsertOne(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	before = w.Documents(t, "back")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-merge")...), 1, "another document", `"shop"`,
		"nothing was inserted into shop.back")
	same(t, w.Documents(t, "back"), before)
	if len(docs) != 1200 {
		t.Error("the source changed")
	}
}

// TestMergeUnclear restores documents that -merge cannot recognize in the collection, or that
// cannot both be in one. Each way to restore must reject them before it inserts anything.
func TestMergeUnclear(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	before := w.Fill(t, "filled", 3)
	if err := w.DB.CreateCollection(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.Collection("second").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: "b"}, {Key: "a", Value: "2"}}); err != nil {
		t.Fatal(err)
	}
	second := w.Documents(t, "second")
	collections := w.Collections(t)
	for _, c := range []struct {
		name, object string
		says         []string
	}{
		{
			"no _id", `{"a":"1"}` + "\n" + `{"a":"2"}` + "\n",
			[]string{"document 1 ", "no _id", "restore without -merge"},
		},
		{
			"one without", `{"_id":"b"}` + "\n" + `{"a":"2"}` + "\n" + `{"_id":"c"}` + "\n",
			[]string{"document 2 ", "no _id", "restore without -merge"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Put(t, key, exectest.Gzip(c.object))
			exectest.OneLine(t, w.Run(t, nil, "restore", plain("-merge")...), 1,
				append(c.says, "shop.back is as it was")...)
			for _, coll := range []string{"filled", "empty"} {
				r := w.Run(t, nil, "restore", plain("-merge", "-collection", coll)...)
				exectest.OneLine(t, r, 1, append(c.says, "nothing was inserted into shop."+coll)...)
			}
			same(t, w.Documents(t, "filled"), before)
			same(t, w.Documents(t, "empty"), nil)
			if got := w.Collections(t); got != collections {
				t.Errorf("the collections are %s, want %s", got, collections)
			}
		})
	}
	// A query would not treat these _ids as values, so the program must not look them up.
	for _, c := range []struct {
		name, object string
		says         []string
	}{
		{
			"a pattern", `{"_id":{"$regularExpression":{"pattern":"^","options":""}}}` + "\n",
			[]string{"document 1 ", "regex", "restore into a collection that does not exist"},
		},
		{
			"an array", `{"_id":["b"]}` + "\n",
			[]string{"document 1 ", "array", "restore into a collection that does not exist"},
		},
		{
			"undefined", `{"_id":"b"}` + "\n" + `{"_id":{"$undefined":true}}` + "\n",
			[]string{"document 2 ", "undefined", "restore into a collection that does not exist"},
		},
		{
			"an operator", `{"_id":{"$gt":""}}` + "\n",
			[]string{"document 1 ", "embedded document", "restore into a collection that does not exist"},
		},
	} {
		w.Put(t, key, exectest.Gzip(c.object))
		for _, way := range [][]string{
			{"-collection", "filled", "-merge"},
			{"-collection", "empty", "-merge"},
			{"-collection", "empty"},
		} {
			exectest.OneLine(t, w.Run(t, nil, "restore", plain(way...)...), 1,
				append(c.says, "nothing was inserted into shop."+way[1])...)
		}
	}
	same(t, w.Documents(t, "filled"), before)
	same(t, w.Documents(t, "empty"), nil)
	// The collection "second" has the last of two documents with one _id. The program must not skip
	// the first as equal to it.
	w.Put(t, key, exectest.Gzip(`{"_id":"b","a":"1"}`+"\n"+`{"_id":"b","a":"2"}`+"\n"))
	for _, way := range [][]string{
		{"-collection", "filled", "-merge"},
		{"-collection", "second", "-merge"},
		{"-collection", "empty"},
	} {
		exectest.OneLine(t, w.Run(t, nil, "restore", plain(way...)...), 1, "two documents with _id",
			"nothing was inserted into shop."+way[1])
	}
	same(t, w.Documents(t, "filled"), before)
	same(t, w.Documents(t, "second"), second)

	w.Put(t, key, exectest.Gzip(`{"a":"1"}`+"\n"+`{"a":"2"}`+"\n")) // without -merge an _id is not required
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "empty")...), 0, "restored 2 documents")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "filled", "-drop")...), 0, "restored 2 documents")
}
