package integration_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A script of a hundred lines, which knows docs/format.md and nothing of this library, restores a
// backup with age, gunzip, minisign and PyMongo: the documents and indexes are the same.
func TestStrangerReadsABackup(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	client, db := m.Client(t), m.Database(t)
	const suffix = "_by_hand"
	t.Cleanup(func() { _ = client.Database(db.Name() + suffix).Drop(t.Context()) })
	filled := map[string]int{"large": 4000, "small": 3, "odd. na*me": 2}
	for name, n := range filled {
		docs := make([]bson.Raw, n)
		for i := range docs {
			docs[i] = marshal(t, bson.D{
				{Key: "_id", Value: i},
				{Key: "text", Value: fmt.Sprintf("é%0400d", i)},
				{Key: "n", Value: int64(i) << 33},
				{Key: "id", Value: bson.NewObjectID()},
				{Key: "list", Value: bson.A{1.5, bson.D{{Key: "b", Value: i}, {Key: "a", Value: nil}}}},
			})
		}
		if _, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Insert(db.Collection(name),
			nil)); err != nil {
			t.Fatal(err)
		}
	}
	index := mongo.IndexModel{
		Keys:    bson.D{{Key: "n", Value: -1}, {Key: "text", Value: 1}},
		Options: options.Index().SetName("by_n"),
	}
	if _, err := db.Collection("large").Indexes().CreateOne(t.Context(), index); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	identityFile := filepath.Join(t.TempDir(), "me.txt")
	if err := os.WriteFile(identityFile, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := backup.Keys{
		Recipients: []age.Recipient{identity.Recipient()}, Identities: []age.Identity{identity},
		Sign: sign,
	}
	repo, err := backup.Init(t.Context(), dirstore.New(dir, nil), keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	job, err := repo.Backup(t.Context(), client, &backup.Options{
		Select: backup.Select{Include: []string{db.Name()}}, SegmentBytes: 512 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := backup.Run(t.Context(), job, 2)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/read_backup.py",
		dir, report.Run, identityFile, sign.Public().String(), m.URI(), suffix)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "documents\n") != len(filled) {
		t.Fatalf("%v: %s", err, out)
	}
	for name, n := range filled {
		want := allDocuments(t, db.Collection(name))
		got := allDocuments(t, client.Database(db.Name()+suffix).Collection(name))
		if len(got) != n || len(want) != n {
			t.Fatalf("%s: %d documents of %d", name, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: document %d is %v, want %v", name, i, got[i], want[i])
			}
		}
	}
	names, err := client.Database(db.Name() + suffix).Collection("large").Indexes().ListSpecifications(t.Context())
	if err != nil || len(names) != 2 {
		t.Errorf("%d indexes, %v", len(names), err)
	}
}

// allDocuments returns the documents of a collection in the order of their _id.
func allDocuments(t *testing.T, coll *mongo.Collection) []bson.Raw {
	t.Helper()
	docs, err := stream.Run(t.Context(), mongosource.Scan(coll, bson.D{}, nil), sink.Slice[bson.Raw]())
	if err != nil {
		t.Fatal(err)
	}
	return docs
}
