package integration_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// scan runs a scan in batches of 50. It calls at with the number of documents so far, and counts
// the failures that it resumed after.
func scan(t testing.TB, coll *mongo.Collection, at func(n int)) (docs []bson.Raw, failures int, err error) {
	t.Helper()
	opts := &mongosource.ScanOptions{BatchSize: 50, Backoff: stream.Backoff{
		Min:    time.Millisecond,
		Notify: func(error, time.Duration) { failures++ },
	}}
	err = mongosource.Scan(coll, bson.D{}, opts).Each(t.Context(), func(d bson.Raw) error {
		docs = append(docs, d)
		at(len(docs))
		return nil
	})
	return docs, failures, err
}

// TestScanResumes makes a scan fail in the middle of the _ids of each of five types. The scan must
// resume after the last _id.
func TestScanResumes(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := mongofixture.MixedIDs(t, 300)
	load(t, coll, docs)
	for _, fault := range []bson.D{
		{{Key: "closeConnection", Value: true}},
		{{Key: "errorCode", Value: 43}},
		{{Key: "errorCode", Value: 6}},
		{{Key: "errorCode", Value: 262}},
		{{Key: "errorCode", Value: 175}},
	} {
		for batches := 2; batches < len(docs)/50; batches += 6 { // in the middle of a type
			failCommand(t, m, bson.D{{Key: "skip", Value: batches}, {Key: "times", Value: 1}},
				append(bson.D{{Key: "failCommands", Value: bson.A{"getMore"}}}, fault...))
			got, failures, err := scan(t, coll, func(int) {})
			if failures != 1 || err != nil || len(got) != len(docs) {
				t.Errorf("%v after %d batches: %d documents of %d, %d failures, %v", fault, batches, len(got),
					len(docs), failures, err)
			}
			wholeOrError(t, got, docs, err)
			failOff(t, m)
		}
	}
}

// A collection that is dropped, renamed or created again during a scan ends the run, although a new
// scan of its successor would succeed.
func TestScanOfAChangedCollection(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	docs := mongofixture.MixedIDs(t, 100)
	for name, change := range map[string]func(*mongo.Collection) error{
		"dropped": func(c *mongo.Collection) error { return c.Drop(t.Context()) },
		"renamed": func(c *mongo.Collection) error {
			from := c.Database().Name() + "." + c.Name()
			return c.Database().Client().Database("admin").RunCommand(t.Context(), bson.D{
				{Key: "renameCollection", Value: from}, {Key: "to", Value: from + "2"},
			}).Err()
		},
		"created again": func(c *mongo.Collection) error {
			if err := c.Drop(t.Context()); err != nil {
				return err
			}
			load(t, c, docs)
			return nil
		},
	} {
		for _, at := range []int{1, 120, 499} {
			coll := m.Database(t).Collection("c")
			load(t, coll, docs)
			got, _, err := scan(t, coll, func(n int) {
				if n != at {
					return
				}
				if err := change(coll); err != nil {
					t.Error(err)
				}
			})
			if !errors.Is(err, mongosource.ErrCollectionChanged) || len(got) == len(docs) {
				t.Errorf("%s at document %d: %d documents, %v", name, at, len(got), err)
			}
			wholeOrError(t, got, docs, err)
		}
	}
}

// A view and a collection that does not exist cannot be scanned.
func TestScanNotResumable(t *testing.T) {
	db := servers.Shared.SecantusDB(t).Database(t)
	load(t, db.Collection("c"), mongofixture.MixedIDs(t, 1))
	if err := db.CreateView(t.Context(), "v", "c", mongo.Pipeline{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v", "absent"} {
		got, _, err := scan(t, db.Collection(name), func(int) {})
		if len(got) != 0 || !errors.Is(err, mongosource.ErrNotResumable) {
			t.Errorf("%s: %d documents, %v", name, len(got), err)
		}
	}
}

// Every position of a scan, stored as JSON, continues it.
func TestScanContinues(t *testing.T) {
	coll := servers.Shared.SecantusDB(t).Database(t).Collection("c")
	docs := mongofixture.MixedIDs(t, 4)
	load(t, coll, docs)
	i := 0
	err := mongosource.ScanCheckpoints(coll, bson.D{}, nil).Each(t.Context(), func(e mongosource.Checkpointed) error {
		text, err := json.Marshal(e.Context.Position)
		if err != nil {
			return err
		}
		var opts mongosource.ScanOptions
		if err := json.Unmarshal(text, &opts.After); err != nil {
			return err
		}
		rest, err := stream.Run(t.Context(), mongosource.Scan(coll, bson.D{}, &opts), sink.Slice[bson.Raw]())
		if i++; err != nil || len(rest) != len(docs)-i {
			t.Errorf("after %s: %d documents, want %d, %v", text, len(rest), len(docs)-i, err)
		}
		wholeOrError(t, rest, docs[i:], err)
		return nil
	})
	if err != nil || i != len(docs) {
		t.Errorf("%d documents, %v", i, err)
	}
}
