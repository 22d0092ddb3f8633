package integration_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
)

// TestKeptKinds backs up collections with indexes and options, and a view. A restore makes them again,
// and nothing that is not encrypted names an index.
func TestKeptKinds(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	for _, command := range []bson.D{
		{
			{Key: "create", Value: "rich"},
			{Key: "validator", Value: bson.D{{Key: "n", Value: bson.D{{Key: "$gte", Value: 0}}}}},
			{Key: "collation", Value: bson.D{{Key: "locale", Value: "fr"}}},
		},
		{{Key: "create", Value: "capped"}, {Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}},
		{
			{Key: "create", Value: "clustered"},
			{Key: "clusteredIndex", Value: bson.D{
				{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}},
				{Key: "unique", Value: true},
			}},
		},
		{{Key: "create", Value: "view"}, {Key: "viewOn", Value: "bare"}, {Key: "pipeline", Value: bson.A{}}},
	} {
		if err := db.RunCommand(t.Context(), command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	docs := []any{
		bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 1}},
		bson.D{{Key: "_id", Value: 2}, {Key: "n", Value: 2}},
	}
	for _, name := range []string{"bare", "rich", "capped", "clustered"} {
		if _, err := db.Collection(name).InsertMany(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Collection("rich").Indexes().CreateMany(t.Context(), []mongo.IndexModel{
		{Keys: bson.D{{Key: "n", Value: 1}}, Options: options.Index().SetUnique(true)},
		{Keys: bson.D{{Key: "born", Value: 1}}, Options: options.Index().SetExpireAfterSeconds(3600)},
	}); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"bare", "rich", "capped", "clustered", "view"} {
		t.Run(name, func(t *testing.T) {
			j := newJob(t, m, s, db.Collection(name))
			var flags []string
			if name == "view" {
				flags = []string{"--allow-empty"} // it has no documents of its own
			}
			run(t, "millweir", j.env, j.backup(flags...)...).succeeded(t)
			for _, key := range s.Keys(t, j.bucket) {
				if body, _ := object(t, s.Client(t), j.bucket, key); bytes.Contains(body, []byte("n_1")) {
					t.Errorf("%s, which is not encrypted, has the name of an index", key)
				}
			}
			run(t, "millweir", j.env, j.restore("back")...).succeeded(t)
			var texts []string
			for _, text := range catalogOf(t, db) {
				for _, one := range []string{name, "back"} {
					if rest, ok := strings.CutPrefix(text, fmt.Sprintf("%q ", one)); ok {
						texts = append(texts, rest)
					}
				}
			}
			if len(texts) != 2 || texts[0] != texts[1] {
				t.Errorf("restored as another: %q", texts)
			}
			if err := db.Collection("back").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
