package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
)

// TestLeftOut backs up collections with indexes and options, which restore creates again. Both
// programs warn of what they leave out, and succeed.
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
		{"rich", nil, nil},
		{"capped", nil, nil},
		{"clustered", nil, nil},
		{"view", []string{"the definition of the view", "viewOn"}, []string{"the kind view", "viewOn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJob(t, m, s, db.Collection(c.name))
			wantWarning(t, run(t, "backup", j.env, j.store()...), c.backup)
			head, err := s.Client(t).HeadObject(t.Context(), &s3.HeadObjectInput{
				Bucket: &j.bucket,
				Key:    aws.String(key),
			})
			if err != nil || strings.Contains(fmt.Sprint(head.Metadata), "n_1") {
				t.Errorf("the metadata of the object, which is not encrypted, has the name of an index: %v, %v",
					head.Metadata, err)
			}
			wantWarning(t, run(t, "restore", j.env, j.restore("back")...), c.restored)
			var texts []string
			for _, text := range catalogOf(t, db) {
				for _, name := range []string{c.name, "back"} {
					if rest, ok := strings.CutPrefix(text, fmt.Sprintf("%q ", name)); ok {
						texts = append(texts, rest)
					}
				}
			}
			if c.restored == nil && (len(texts) != 2 || texts[0] != texts[1]) {
				t.Errorf("restored as another: %q", texts)
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
