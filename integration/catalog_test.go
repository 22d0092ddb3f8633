package integration_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// catalogOf returns the collections of db with their indexes, as sorted text without UUIDs.
func catalogOf(t testing.TB, db *mongo.Database) []string {
	t.Helper()
	all, err := stream.Run(t.Context(), mongosource.Collections(db, nil), sink.Slice[mongosource.Collection]())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, c := range all {
		text := fmt.Sprintf("%q %s %s", c.Name, c.Kind, c.Options)
		if c.Kind != mongosource.KindView {
			indexes, err := stream.Run(t.Context(), mongosource.Indexes(db.Collection(c.Name)), sink.Slice[bson.Raw]())
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprint(indexes)
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

// description returns a description of a collection, as listCollections gives it.
func description(t testing.TB, name, kind string, options ...bson.E) bson.Raw {
	t.Helper()
	return marshal(t, bson.D{
		{Key: "name", Value: name},
		{Key: "type", Value: kind},
		{Key: "options", Value: bson.D(options)},
	})
}

// oddCollectionNames are names that tools have lost or changed.
var oddCollectionNames = []string{
	"a\nb", "a\tb", "a/b", "a\\b", "a.b", "a b", " a", "a ", "a%2Fb", "%", "a:b", "a*b", "a?b", `a"b`, "a'b", "a`b",
	"a|b",
	"a<b>c", "ü", "日本語", "🍪", "u\u0301", "A", "\u200b", "-", "_", "con", "a;b", "a{b}[c]", "\x01",
	strings.Repeat("é", 80),
}

// TestCatalogRoundTrip copies collections of every kind, with odd names, and their indexes from one
// database to another. A second run changes nothing.
func TestCatalogRoundTrip(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	from, to := m.Database(t), m.Database(t)
	e := func(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
	descriptions := []bson.Raw{
		description(t, "seen", "view", e("viewOn", "plain"), e("pipeline", bson.A{
			bson.D{e("$project", bson.D{e("z", 1), e("a", 1)})},
		})),
		description(t, "plain", "collection", e("validator", bson.D{e("n", bson.D{e("$gte", 0)})}),
			e("validationAction", "warn")),
		description(t, "french", "collection", e("collation", bson.D{e("locale", "fr")})),
		description(t, "log", "collection", e("capped", true), e("size", 4096)),
		description(t, "sorted", "collection",
			e("clusteredIndex", bson.D{e("key", bson.D{e("_id", 1)}), e("unique", true)})),
		description(t, "at", "timeseries", e("timeseries", bson.D{e("timeField", "t"), e("metaField", "m")})),
		description(t, "watched", "collection", e("changeStreamPreAndPostImages", bson.D{e("enabled", true)})),
	}
	for _, name := range oddCollectionNames {
		descriptions = append(descriptions, description(t, name, "collection"))
	}
	for _, want := range []mongosink.CreateCollectionsResult{
		{Created: int64(len(descriptions))}, {Existing: int64(len(descriptions))},
	} {
		got, err := stream.Run(t.Context(), source.Slice(descriptions), mongosink.CreateCollections(from, nil))
		if err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	}
	indexes := []bson.Raw{
		marshal(t, bson.D{
			e("key", bson.D{e("z", 1), e("a", -1), e("m", 1)}), e("name", "compound"),
			e("unique", true),
		}),
		marshal(t, bson.D{e("key", bson.D{e("born", 1)}), e("name", "ttl"), e("expireAfterSeconds", 3600)}),
		marshal(t, bson.D{e("key", bson.D{e("p", 1)}), e("name", "partial"), e("partialFilterExpression",
			bson.D{e("p", bson.D{e("$exists", true)})})}),
		marshal(t, bson.D{e("key", bson.D{e("$**", 1)}), e("name", "wild")}),
		marshal(t, bson.D{e("key", bson.D{e("where", "2dsphere")}), e("name", "place")}),
	}
	for _, name := range []string{"plain", "sorted"} {
		got, err := stream.Run(t.Context(), source.Slice(indexes), mongosink.CreateIndexes(from.Collection(name), nil))
		t.Logf("%s: %+v, %v", name, got, err)
		if refused := new(mongosink.IndexError); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}

	for range 2 {
		if _, err := stream.Run(t.Context(), stream.Via(mongosource.Collections(from, nil),
			stream.Map(mongosource.Collection.Raw)), mongosink.CreateCollections(to, nil)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"plain", "sorted"} {
			if _, err := stream.Run(t.Context(), mongosource.Indexes(from.Collection(name)),
				mongosink.CreateIndexes(to.Collection(name), nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a, b := catalogOf(t, from), catalogOf(t, to); !slices.Equal(a, b) {
		t.Errorf("\n%q\nis not\n%q", b, a)
	}
}

// TestReplaceAndMerge replaces a collection with options and indexes, refuses to when it is not
// asked to, and merges.
func TestReplaceAndMerge(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		db := m.Database(t)
		coll := db.Collection("c")
		docs, old := plain(t, 300, 30), plain(t, 3, 500)
		load(t, coll, old)
		index := marshal(t, bson.D{{Key: "key", Value: bson.D{{Key: "a", Value: 1}}}, {Key: "name", Value: "a_1"}})
		_, err := stream.Run(t.Context(), source.Slice(docs), mongosink.ReplaceCollection(coll, nil))
		if !errors.Is(err, mongosink.ErrTargetExists) {
			t.Errorf("not asked to: %v", err)
		}
		sameDocuments(t, stored(t, coll), old)
		got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{DropTarget: true, Indexes: []bson.Raw{index}}))
		if m.IsSecantusPy() { // gives a renamed collection a new UUID, so nothing proves whose it is
			if !errors.Is(err, mongosink.ErrStagingChanged) {
				t.Errorf("without the UUID: %+v, %v", got, err)
			}
		} else if err != nil || got.Target != mongosink.TargetReplaced || got.Indexes != 1 || got.Old != "" {
			t.Errorf("%+v, %v", got, err)
		}
		sameDocuments(t, stored(t, coll), docs)
		onlyCollections(t, db, "c")
		more := append(slices.Clone(docs), marshal(t, bson.D{{Key: "_id", Value: "new"}}))
		for _, missing := range []int64{1, 0} {
			merged, err := stream.Run(t.Context(), source.Slice(more), mongosink.Merge(coll, nil))
			if err != nil || merged.Missing != missing || merged.Present != int64(len(more))-missing {
				t.Errorf("%+v, %v", merged, err)
			}
		}
		conflict := marshal(t, bson.D{{Key: "_id", Value: "new"}, {Key: "other", Value: true}})
		if _, err := stream.Run(t.Context(), source.Of(conflict), mongosink.Merge(coll, nil)); !errors.Is(err,
			mongosink.ErrConflict) {
			t.Errorf("a conflict: %v", err)
		}
		sameDocuments(t, stored(t, coll), more)
	})
}
