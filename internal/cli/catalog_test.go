package cli

import (
	"io"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// TestCatalogUnseen reads the catalog as a user without the right to do so. The message must say
// so, rather than report an empty catalog.
func TestCatalogUnseen(t *testing.T) {
	for _, command := range []string{"listCollections", "listIndexes"} {
		srv := mongotest.NewServer()
		defer srv.Close()
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
		if err != nil {
			t.Fatal(err)
		}
		srv.Add("shop", "cookies", doc)
		srv.Inject(mongotest.Fault{Command: command, Code: codeUnauthorized, Text: "not authorized on shop"})
		client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Disconnect(t.Context())
		m := &Mongo{DB: "shop", Collection: "cookies", program: &Program{out: io.Discard}}
		c := m.Catalog(t.Context(), client.Database("shop").Collection("cookies"))
		if c.Empty() || !strings.Contains(c.String(), "could not be looked at") ||
			!strings.Contains(c.String(), "the user may not do this") {
			t.Errorf("%s: the catalog is %s", command, c)
		}
		if left := LeftOut(c.Metadata()); !strings.Contains(left, "if there were any") {
			t.Errorf("%s: the object says that %q was left out", command, left)
		}
	}
}

func TestDescribe(t *testing.T) {
	for want, index := range map[string]bson.D{
		"": {{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"}},
		"_id_hashed": {
			{Key: "v", Value: 2},
			{Key: "key", Value: bson.D{{Key: "_id", Value: "hashed"}}},
			{Key: "name", Value: "_id_hashed"},
		},
		"two": {
			{Key: "key", Value: bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 1}}},
			{Key: "name", Value: "two"},
		},
		"a_1 (unique)": {
			{Key: "key", Value: bson.D{{Key: "a", Value: 1}}},
			{Key: "name", Value: "a_1"},
			{Key: "unique", Value: true},
			{Key: "sparse", Value: false},
		},
		"t (weights)": {
			{Key: "key", Value: bson.D{{Key: "_fts", Value: "text"}}},
			{Key: "name", Value: "t"},
			{Key: "weights", Value: bson.D{}},
			{Key: "textIndexVersion", Value: 3},
		},
		"ttl (expireAfterSeconds)": {
			{Key: "key", Value: bson.D{{Key: "a", Value: 1}}},
			{Key: "name", Value: "ttl"},
			{Key: "expireAfterSeconds", Value: 0},
		},
	} {
		raw, err := bson.Marshal(index)
		if err != nil {
			t.Fatal(err)
		}
		if got := describeIndex(raw); got != want {
			t.Errorf("%v is %q, want %q", index, got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	for want, c := range map[string]Catalog{
		"":        {Kind: "collection"},
		"1 index": {Kind: "collection", Indexes: []string{"secret_1 (unique)"}},
		"2 indexes; options: validator, a": {
			Kind:    "collection",
			Indexes: []string{"a_1", "b_1"},
			Options: []string{"validator", "a"},
		},
		"the kind view; options: viewOn":        {Kind: "view", Options: []string{"viewOn"}},
		"the kind timeseries; options: a, b, c": {Kind: "timeseries", Options: []string{"a", "b", "c"}},
	} {
		if got := LeftOut(c.Metadata()); got != want {
			t.Errorf("%+v: the object says %q, want %q", c, got, want)
		}
	}
	if left := LeftOut(nil); !strings.Contains(left, "if there were any") {
		t.Errorf("of an object that does not say it, %q was left out", left)
	}
}
