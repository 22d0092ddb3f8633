package main_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/internal/exectest"
)

const metadataKey = key + ".metadata"

// TestKept restores the indexes of a collection, and only those of the same backup.
func TestKept(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 5)
	back := w.DB.Collection("back")
	unique := mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}, Options: options.Index().SetUnique(true)}
	if _, err := w.DB.Collection("cookies").Indexes().CreateOne(t.Context(), unique); err != nil {
		t.Fatal(err)
	}
	backup(t, w, "cookies", "-recipient", w.Recipient)
	first := w.Get(t, metadataKey)
	indexes := func(want int) {
		t.Helper()
		same(t, w.Documents(t, "back"), docs)
		got, err := back.Indexes().ListSpecifications(t.Context())
		if err != nil || len(got) != want || want == 2 && (got[1].Name != "batch_1" || got[1].Unique == nil ||
			!*got[1].Unique) {
			t.Errorf("%+v, %v; want %d indexes", got, err, want)
		}
	}
	r := w.Run(t, nil, "restore", arguments(w, "-json-log")...)
	exectest.OneLine(t, r, 0, `"indexes":1`)
	if strings.Contains(r.Stderr, "WARN") {
		t.Errorf("a warning: %s", r.Stderr)
	}
	indexes(2)
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop", "-documents-only")...), 0,
		"restore: warning: ", "Left out: 1 index", "batch_1 (unique)", "\nrestore: restored 5 documents")
	indexes(1)

	// The second object belongs to another backup, cannot be decrypted, or is missing.
	backup(t, w, "cookies", "-recipient", w.Recipient)
	w.Put(t, metadataKey, first)
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop")...), 0,
		"restore: warning: ", "Left out: 1 index", "\nrestore: restored 5 documents")
	indexes(1)
	w.Put(t, metadataKey, first[:len(first)-1])
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop")...), 1, "damaged or cut short", metadataKey,
		"-documents-only", "shop.back is as it was")
	w.Put(t, metadataKey, []byte("a letter"))
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop")...), 1, metadataKey, "-documents-only",
		"shop.back is as it was")
	indexes(1)
}
