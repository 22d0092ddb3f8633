package main_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestLost checks the warning that names the indexes of the replaced collection.
func TestLost(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "cookies", 5)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	w.Fill(t, "back", 2)
	if _, err := w.DB.Collection("back").Indexes().CreateOne(t.Context(),
		mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}}); err != nil {
		t.Fatal(err)
	}
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop")...), 0, "restore: warning: ",
		"old shop.back was replaced", "batch_1", "\nrestore: restored 5 documents")
	w.Put(t, key, exectest.Gzip(`{"_id":1}`+"\n")) // stored by another program, which does not say what it left out
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new")...), 0, "restore: warning: ",
		"if there were any", "validator")
}

func TestRestored(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 1500)
	coll := w.DB.Collection("back")
	create := func(t *testing.T, docs ...bson.Raw) {
		t.Helper()
		if err := w.DB.CreateCollection(t.Context(), "back"); err != nil {
			t.Fatal(err)
		}
		if _, err := coll.Indexes().CreateOne(t.Context(),
			mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}}); err != nil {
			t.Fatal(err)
		}
		if len(docs) > 0 {
			if _, err := coll.InsertMany(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
		}
	}
	stranger, err := bson.Marshal(bson.D{{Key: "_id", Value: "stranger"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		before  []bson.Raw // nil: no such collection
		args    []string
		want    []bson.Raw
		indexes int
		equal   int
	}{
		{"missing", nil, nil, docs, 1, 0},
		{"missing, other settings", nil, []string{"-batch", "7", "-parallelism", "1"}, docs, 1, 0},
		{"missing, drop", nil, []string{"-drop"}, docs, 1, 0},
		{"missing, merge", nil, []string{"-merge"}, docs, 1, 0},
		{"empty", []bson.Raw{}, nil, docs, 2, 0},
		{"empty, drop", []bson.Raw{}, []string{"-drop"}, docs, 2, 0},
		{"drop", []bson.Raw{stranger}, []string{"-drop"}, docs, 1, 0},
		{"merge", []bson.Raw{stranger}, []string{"-merge"}, append(slices.Clone(docs), stranger), 2, 0},
		{"merge with some", docs[100:900], []string{"-merge"}, docs, 2, 800},
		{"merge with all", docs, []string{"-merge"}, docs, 2, 1500},
		{"merge with the first", docs[:1], []string{"-merge"}, docs, 2, 1},
		{"merge with all but the last", docs[:1499], []string{"-merge"}, docs, 2, 1499},
	} {
		t.Run(c.name, func(t *testing.T) {
			backup(t, w, "cookies", "-recipient", w.Recipient)
			if c.before != nil {
				create(t, c.before...)
			}
			t.Cleanup(func() { _ = coll.Drop(t.Context()) })
			r := w.Run(t, nil, "restore", append(arguments(w, "-json-log"), c.args...)...)
			exectest.OneLine(t, r, 0)
			same(t, w.Documents(t, "back"), c.want)
			var log struct {
				Msg         string  `json:"msg"`
				Documents   int     `json:"documents"`
				Bytes       int64   `json:"bytes"`
				StoredBytes int     `json:"stored_bytes"`
				Equal       int     `json:"equal"`
				Elapsed     float64 `json:"elapsed"`
			}
			if err := json.Unmarshal([]byte(r.Outcome()), &log); err != nil {
				t.Fatal(err)
			}
			if log.Msg != "restore done" || log.Documents != 1500-c.equal || log.Equal != c.equal ||
				log.StoredBytes != len(w.Get(t, key)) || log.Elapsed <= 0 {
				t.Errorf("logged as %s", r.Stderr)
			}
			indexes, err := coll.Indexes().ListSpecifications(t.Context())
			if err != nil || len(indexes) != c.indexes {
				t.Errorf("%d indexes, want %d (%v)", len(indexes), c.indexes, err)
			}
			if got := w.Collections(t); strings.Contains(got, "restore") {
				t.Errorf("the collections are %s", got)
			}
			_ = coll.Drop(t.Context())
		})
	}
}

func TestPlainAndEmpty(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 20)
	backup(t, w, "cookies", "-no-encryption")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain()...), 0, "restored ")
	same(t, w.Documents(t, "back"), docs)

	// Zeros after the end, which tapes add.
	w.Put(t, key, append(w.Get(t, key), make([]byte, 10_240)...))
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop")...), 0, "restored ")
	same(t, w.Documents(t, "back"), docs)

	backup(t, w, "nothing", "-no-encryption", "-allow-empty")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop")...), 1, "has no document", "-allow-empty",
		"shop.back is as it was")
	same(t, w.Documents(t, "back"), docs)
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new")...), 0, "restored 0 documents")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop", "-allow-empty")...), 0, "restored 0 documents")
	same(t, w.Documents(t, "back"), nil)
	if got := w.Collections(t); !strings.Contains(got, "new") || !strings.Contains(got, "back") ||
		strings.Contains(got, "restore") {
		t.Errorf("the collections are %s", got)
	}
}
