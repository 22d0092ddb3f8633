package mongosink_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// index returns a description of an index.
func index(t testing.TB, name string, key bson.D, more ...bson.E) bson.Raw {
	t.Helper()
	return raw(t, append(bson.D{e("v", 2), e("key", key), e("name", name)}, more...))
}

// indexesOf returns the descriptions of the indexes of coll as text.
func indexesOf(t testing.TB, coll *mongo.Collection) (texts []string) {
	t.Helper()
	all, err := stream.Run(t.Context(), mongosource.Indexes(coll), sink.Slice[bson.Raw]())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		texts = append(texts, d.String())
	}
	return texts
}

// R14, R16: indexes of every kind come to another collection with the order of their keys and with
// all options. A second run changes nothing.
func TestCreateIndexes(t *testing.T) {
	_, db := newDatabase(t)
	from, to := db.Collection("from"), db.Collection("to")
	descriptions := []bson.Raw{
		index(t, "_id_", bson.D{e("_id", 1)}),
		index(t, "z_1_a_-1_m_1", bson.D{e("z", 1), e("a", -1), e("m", 1.0)}),
		index(t, "hashed", bson.D{e("_id", "hashed")}),
		index(t, "backwards", bson.D{e("_id", -1)}),
		index(t, "text", bson.D{e("_fts", "text"), e("_ftsx", 1)}, e("weights", bson.D{e("title", 10), e("body", 1)}),
			e("default_language", "spanish"), e("language_override", "lang"), e("textIndexVersion", 3)),
		index(t, "place", bson.D{e("where", "2dsphere"), e("n", 1)}, e("2dsphereIndexVersion", 3)),
		index(t, "flat", bson.D{e("at", "2d")}, e("bits", 20), e("min", -10.0), e("max", 10.0)),
		index(t, "ttl", bson.D{e("seen", 1)}, e("expireAfterSeconds", 3600)),
		index(t, "partial", bson.D{e("p", 1)}, e("unique", true), e("partialFilterExpression",
			bson.D{e("p", bson.D{e("$exists", true)})})),
		index(t, "wild", bson.D{e("$**", 1)}, e("wildcardProjection", bson.D{e("secret", 0)})),
		index(t, "collated", bson.D{e("c", 1)}, e("collation", bson.D{e("locale", "fr"), e("strength", 1)})),
		index(t, "hidden", bson.D{e("h", 1)}, e("hidden", true), e("sparse", true)),
	}
	for run, want := range []mongosink.CreateIndexesResult{{Created: 11}, {Existing: 11}} {
		got, err := stream.Run(t.Context(), source.Slice(descriptions), mongosink.CreateIndexes(from, nil))
		if err != nil || got != want {
			t.Errorf("run %d: %+v, %v", run, got, err)
		}
	}
	if _, err := stream.Run(t.Context(), mongosource.Indexes(from), mongosink.CreateIndexes(to, nil)); err != nil {
		t.Fatal(err)
	}
	if a, b := indexesOf(t, from), indexesOf(t, to); !slices.Equal(a, b) || len(a) != 12 {
		t.Errorf("\n%q is not\n%q", b, a)
	}
}

// An index without a collation does not get the one of its collection.
func TestCreateIndexesSimpleCollation(t *testing.T) {
	_, db := newDatabase(t)
	if _, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection",
		e("collation", bson.D{e("locale", "fr")}))), mongosink.CreateCollections(db, nil)); err != nil {
		t.Fatal(err)
	}
	coll := db.Collection("c")
	if _, err := stream.Run(t.Context(), source.Of(index(t, "a_1", bson.D{e("a", 1)}),
		index(t, "b_1", bson.D{e("b", 1)}, e("collation", bson.D{e("locale", "fr")}))),
		mongosink.CreateIndexes(coll, nil)); err != nil {
		t.Fatal(err)
	}
	got := indexesOf(t, coll)
	if len(got) != 3 || !strings.Contains(got[1], `"locale": "simple"`) || !strings.Contains(got[2], `"locale": "fr"`) {
		t.Errorf("%q", got)
	}
}

// R11: the server refuses some indexes. The error names each of them, all others are created, and
// the documents stay.
func TestCreateIndexesRefused(t *testing.T) {
	srv, db := newDatabase(t)
	coll := db.Collection("c")
	docs := []bson.Raw{raw(t, bson.D{e("_id", 1), e("a", 1)}), raw(t, bson.D{e("_id", 2), e("a", 1)})}
	srv.Add("shop", "c", docs...)
	got, err := stream.Run(t.Context(), source.Of(
		index(t, "good", bson.D{e("b", 1)}),
		index(t, "duplicates", bson.D{e("a", 1)}, e("unique", true)),
		index(t, "odd", bson.D{e("a", "geoHaystack")}),
		index(t, "unheard", bson.D{e("c", 1)}, e("unheardOf", 1)),
		index(t, "late", bson.D{e("d", 1)}),
	), mongosink.CreateIndexes(coll, nil))
	var refused *mongosink.IndexError
	if !errors.As(err, &refused) || stream.ClassOf(err) != stream.Data || got.Created != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	var failed []string
	for _, f := range refused.Failed {
		failed = append(failed, fmt.Sprint(f.Name, " ", f.Code))
	}
	if want := []string{"duplicates 11000", "odd 67", "unheard 197"}; !slices.Equal(failed, want) {
		t.Errorf("%q", failed)
	}
	if text := err.Error(); !strings.Contains(text, `"duplicates"`) && !strings.Contains(text, "duplicates") ||
		!strings.Contains(text, "and 2 others") {
		t.Error(text)
	}
	if !slices.EqualFunc(srv.Documents("shop", "c"), docs, func(a, b bson.Raw) bool { return string(a) == string(b) }) {
		t.Error("the documents changed")
	}

	// More indexes than a collection may have.
	var many []bson.Raw
	for i := range 70 {
		many = append(many, index(t, fmt.Sprint("i", i), bson.D{e(fmt.Sprint("f", i), 1)}))
	}
	got, err = stream.Run(t.Context(), source.Slice(many), mongosink.CreateIndexes(db.Collection("many"), nil))
	if !errors.As(err, &refused) || got.Created != 63 || len(refused.Failed) != 7 || refused.Failed[0].Name != "i63" {
		t.Errorf("%+v, %v", got, err)
	}
}

// An index with the name and the key of a wanted one, and with other options, is not taken for it.
func TestCreateIndexesConflict(t *testing.T) {
	key := bson.D{e("a", 1)}
	for name, options := range map[string][]bson.E{
		"unique":    {e("unique", true)},
		"TTL":       {e("expireAfterSeconds", 60)},
		"partial":   {e("partialFilterExpression", bson.D{e("a", bson.D{e("$gt", 1)})})},
		"collation": {e("collation", bson.D{e("locale", "fr")})},
	} {
		t.Run(name, func(t *testing.T) {
			_, db := newDatabase(t)
			create := mongosink.CreateIndexes(db.Collection("c"), nil)
			if _, err := stream.Run(t.Context(), source.Of(index(t, "a_1", key)), create); err != nil {
				t.Fatal(err)
			}
			before := indexesOf(t, db.Collection("c"))
			got, err := stream.Run(t.Context(), source.Of(index(t, "a_1", key, options...), index(t, "b_1",
				bson.D{e("b", 1)})), create)
			var refused *mongosink.IndexError
			if !errors.As(err, &refused) || len(refused.Failed) != 1 || refused.Failed[0].Name != "a_1" ||
				got != (mongosink.CreateIndexesResult{Created: 1}) {
				t.Errorf("%+v, %v", got, err)
			}
			if after := indexesOf(t, db.Collection("c")); len(after) != 3 || !slices.Equal(after[:2], before) {
				t.Errorf("%q was %q", after, before)
			}
		})
	}
}

// A server lists an index while it builds it. If the reply is lost, and then the build fails, the
// index is refused.
func TestCreateIndexesBuildFails(t *testing.T) {
	srv, db := newDatabase(t)
	srv.Inject(mongotest.Fault{Command: "createIndexes", Nth: 1, Lose: true}) // the index is listed
	srv.Inject(mongotest.Fault{Command: "createIndexes", Code: 11000})
	got, err := stream.Run(t.Context(), source.Of(index(t, "a_1", bson.D{e("a", 1)}, e("unique", true))),
		mongosink.CreateIndexes(db.Collection("c"), nil))
	var refused *mongosink.IndexError
	if !errors.As(err, &refused) || refused.Failed[0].Code != 11000 || got != (mongosink.CreateIndexesResult{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A command that builds indexes is repeated until it is answered.
func TestCreateIndexesSettled(t *testing.T) {
	for name, c := range catalogFaults {
		if name == "every reply lost" { // no look proves that the builds have ended
			c.class = stream.UnknownOutcome
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, db := newDatabase(t)
			c.fault.Command = "createIndexes"
			srv.Inject(c.fault)
			got, err := stream.Run(t.Context(), source.Of(index(t, "a_1", bson.D{e("a", 1)}),
				index(t, "b_1", bson.D{e("b", 1)})),
				mongosink.CreateIndexes(db.Collection("c"),
					&mongosink.CreateIndexesOptions{SettleTimeout: 300 * time.Millisecond}))
			checkClass(t, err, c.class)
			if err == nil && (got.Created != 2 || len(indexesOf(t, db.Collection("c"))) != 3) {
				t.Errorf("%+v, %q", got, indexesOf(t, db.Collection("c")))
			}
		})
	}
}

// The forms of old servers get the meaning that they had.
func TestConvertIndex(t *testing.T) {
	for name, c := range map[string]struct {
		in   bson.D
		want string // "" for the index on _id
	}{
		"plain": {
			bson.D{e("v", 1), e("key", bson.D{e("a", 1)}), e("name", "a_1"), e("ns", "shop.c")},
			`{"key": {"a": {"$numberInt":"1"}},"name": "a_1"}`,
		},
		"on _id":      {bson.D{e("key", bson.D{e("_id", 1)}), e("name", "_id_")}, ""},
		"on _id, 1.0": {bson.D{e("key", bson.D{e("_id", 1.0)}), e("name", "_id_")}, ""},
		"on _id, odd": {bson.D{e("key", bson.D{e("_id", true)}), e("name", "_id_")}, ""},
		"clustered": {bson.D{
			e("key", bson.D{e("_id", 1)}), e("name", "by id"), e("unique", true),
			e("clustered", true),
		}, ""},
		"hashed _id": {
			bson.D{e("key", bson.D{e("_id", "hashed")}), e("name", "h")},
			`{"key": {"_id": "hashed"},"name": "h"}`,
		},
		"values": {
			bson.D{e("key", bson.D{
				e("a", -1.0), e("b", 0), e("c", true), e("d", nil), e("e", ""), e("f", math.NaN()), e("g", int64(-1)),
				e("h", 0.5), e("i", bson.D{}), e("j", math.Inf(-1)),
			}), e("name", "n")},
			`{"key": {"a": {"$numberDouble":"-1.0"},"b": {"$numberInt":"1"},"c": {"$numberInt":"1"},` +
				`"d": {"$numberInt":"1"},"e": {"$numberInt":"1"},"f": {"$numberInt":"1"},"g": {"$numberLong":"-1"},` +
				`"h": {"$numberDouble":"0.5"},"i": {"$numberInt":"1"},"j": {"$numberDouble":"-Infinity"}},"name": "n"}`,
		},
		"options": {
			bson.D{
				e("key", bson.D{e("a", 1)}), e("name", "n"), e("unique", 1), e("sparse", 0.0), e("background", "yes"),
				e("dropDups", true), e("safe", nil), e("expireAfterSeconds", math.NaN()),
			},
			`{"key": {"a": {"$numberInt":"1"}},"name": "n","unique": true,"sparse": false,"background": false,` +
				`"expireAfterSeconds": {"$numberInt":"2147483647"}}`,
		},
		"no name": {
			bson.D{e("key", bson.D{e("a", 1.0), e("b", -1), e("c", "text")})},
			`{"key": {"a": {"$numberDouble":"1.0"},"b": {"$numberInt":"-1"},"c": "text"},"name": "a_1_b_-1_c_text"}`,
		},
	} {
		got, isID, err := mongosink.ConvertIndex(raw(t, c.in))
		text := ""
		if got != nil {
			text = raw(t, got).String()
		}
		if err != nil || isID != (c.want == "") || text != c.want {
			t.Errorf("%s: %s, %v, %v; want %s", name, text, isID, err, c.want)
		}
	}
	for name, bad := range map[string]bson.Raw{
		"nil": nil, "no key": raw(t, bson.D{e("name", "a")}), "empty key": raw(t, bson.D{e("key", bson.D{})}),
		"key of another type": raw(t, bson.D{e("key", 1)}), "damaged": bson.Raw("\x07\x00\x00\x00\x02a\x00"),
	} {
		if _, _, err := mongosink.ConvertIndex(bad); !errors.Is(err, mongosink.ErrBadDescription) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateIndexesBad(t *testing.T) {
	srv, db := newDatabase(t)
	good := index(t, "a_1", bson.D{e("a", 1)})
	for name, create := range map[string]stream.Sink[bson.Raw, mongosink.CreateIndexesResult]{
		"nil": mongosink.CreateIndexes(nil, nil),
		"negative time": mongosink.CreateIndexes(db.Collection("c"),
			&mongosink.CreateIndexesOptions{SettleTimeout: -1}),
	} {
		if _, err := stream.Run(t.Context(), source.Of(good), create); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	create := mongosink.CreateIndexes(db.Collection("c"), nil)
	if _, err := stream.Run(t.Context(), source.Of(good, raw(t, bson.D{})), create); !errors.Is(err,
		mongosink.ErrBadDescription) {
		t.Error(err)
	}
	if got, err := stream.Run(t.Context(), source.Of[bson.Raw](), create); err != nil || got.Created != 0 {
		t.Errorf("none: %+v, %v", got, err)
	}
	if n := len(srv.Commands("createIndexes")); n != 0 {
		t.Errorf("%d commands", n)
	}
	if _, err := stream.Run(t.Context(), source.Of(describe(t, "v", "view", e("viewOn", "c"), e("pipeline", bson.A{}))),
		mongosink.CreateCollections(db, nil)); err != nil {
		t.Fatal(err)
	}
	_, err := stream.Run(t.Context(), source.Of(good), mongosink.CreateIndexes(db.Collection("v"), nil))
	var refused mongo.CommandError
	if !errors.As(err, &refused) || refused.Code != 166 {
		t.Errorf("on a view: %v", err)
	}
	srv.Inject(mongotest.Fault{Command: "createIndexes", Code: 13})
	if _, err := stream.Run(t.Context(), source.Of(good), create); !errors.As(err, &refused) || refused.Code != 13 {
		t.Errorf("not allowed: %v", err)
	}
}
