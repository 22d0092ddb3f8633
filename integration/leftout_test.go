package integration_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
)

// TestLeftOut backs up collections with indexes and options. Both programs warn of what they leave
// out, and succeed.
func TestLeftOut(t *testing.T) {
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

	for _, c := range []struct {
		name             string
		backup, restored []string // words of the warnings; nil for none
	}{
		{"bare", nil, nil},
		{
			"rich",
			[]string{
				"2 indexes", "n_1 (unique", "born_1 (expireAfterSeconds",
				"2 options: validator, collation", "no snapshot",
			},
			[]string{"2 indexes", "options: validator, collation"},
		},
		{"capped", []string{"options: capped"}, []string{"options: capped"}},
		{"clustered", []string{"option: clusteredIndex"}, []string{"options: clusteredIndex"}},
		{"view", []string{"the definition of the view", "viewOn"}, []string{"the kind view", "viewOn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJob(t, m, s, db.Collection(c.name))
			wantWarning(t, run(t, "backup", j.env, j.store()...), c.backup)
			back := run(t, "restore", j.env, j.restore("back")...)
			wantWarning(t, back, c.restored)
			if back.code() == 0 && strings.Contains(back.text(), "n_1") {
				t.Error("the metadata of the object, which is not encrypted, has the name of an index")
			}
			if err := db.Collection("back").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}

	t.Run("replaced", func(t *testing.T) {
		j := newJob(t, m, s, db.Collection("rich"))
		run(t, "backup", j.env, j.store("-collection", "bare")...).succeeded(t)
		wantWarning(t, run(t, "restore", j.env, j.restore("rich", "-drop")...),
			[]string{"the old", "was replaced", "n_1 (unique", "validator"})
	})
}

// wantWarning fails the test unless the program succeeded, with one warning that has all of words,
// or with none.
func wantWarning(t *testing.T, c *child, words []string) {
	t.Helper()
	c.succeeded(t)
	text := strings.ToLower(c.stderr.String())
	want := 1
	if words == nil {
		want = 0
	}
	if n := strings.Count(text, ": warning: "); n != want {
		t.Errorf("%d warnings, want %d: %s", n, want, text)
	}
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			t.Errorf("the warning lacks %q: %s", w, text)
		}
	}
}
