package integration_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// mixedIDs returns 5 × n documents in the order of their _ids, which are of five types.
func mixedIDs(t testing.TB, n int) (docs []bson.Raw) {
	t.Helper()
	for _, id := range []func(i int) any{
		func(i int) any { return i },
		func(i int) any { return fmt.Sprintf("%06d", i) },
		func(i int) any { return bson.D{{Key: "n", Value: i}} },
		func(i int) any { return bson.ObjectID{10: byte(i >> 8), 11: byte(i)} },
		func(i int) any { return bson.DateTime(i) },
	} {
		for i := range n {
			docs = append(docs, marshal(t, bson.D{{Key: "_id", Value: id(i)}, {Key: "n", Value: i}}))
		}
	}
	return docs
}

// restarted is the scan of the example in the comment of stream.Restart.
func restarted(coll mongosource.Finder, failed func()) stream.Source[bson.Raw] {
	scan := func(filter bson.D) stream.Source[bson.Raw] {
		return mongosource.Find(coll, filter,
			&mongosource.FindOptions{BatchSize: 50, Sort: bson.D{{Key: "_id", Value: 1}}})
	}
	return stream.Restart(scan(bson.D{}),
		func(doc bson.Raw) bson.RawValue { return doc.Lookup("_id") },
		func(id bson.RawValue) stream.Source[bson.Raw] {
			return scan(bson.D{{
				Key:   "$expr",
				Value: bson.D{{Key: "$gt", Value: bson.A{"$_id", bson.D{{Key: "$literal", Value: id}}}}},
			}})
		},
		&stream.RestartOptions{Backoff: stream.Backoff{
			Min:    time.Millisecond,
			Notify: func(error, time.Duration) { failed() },
		}})
}

// TestRestartedScan makes a scan fail in the middle of the _ids of each of five types. The scan
// must resume after the last _id.
func TestRestartedScan(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := mixedIDs(t, 300)
	load(t, coll, docs)
	for _, fault := range []bson.D{
		{{Key: "closeConnection", Value: true}},
		{{Key: "errorCode", Value: 43}},
		{{Key: "errorCode", Value: 6}},
		{{Key: "errorCode", Value: 262}},
	} {
		for batches := 2; batches < len(docs)/50; batches += 6 { // in the middle of a type
			failCommand(t, m, bson.D{{Key: "skip", Value: batches}, {Key: "times", Value: 1}},
				append(bson.D{{Key: "failCommands", Value: bson.A{"getMore"}}}, fault...))
			failures := 0
			got, err := stream.Run(t.Context(), restarted(coll, func() { failures++ }), sink.Slice[bson.Raw]())
			if failures != 1 || err != nil || len(got) != len(docs) {
				t.Errorf("%v after %d batches: %d documents of %d, %d failures, %v", fault, batches, len(got),
					len(docs), failures, err)
			}
			wholeOrError(t, got, docs, err)
			failOff(t, m)
		}
	}
}

// A collection that is dropped during a scan ends the run, although a new scan of its successor
// would succeed.
func TestRestartedScanOfADroppedCollection(t *testing.T) {
	coll := servers.Shared.SecantusDB(t).Database(t).Collection("c")
	docs := mixedIDs(t, 100)
	load(t, coll, docs)
	n := 0
	err := restarted(coll, func() {}).Each(t.Context(), func(bson.Raw) error {
		if n++; n != 120 {
			return nil
		}
		if err := coll.Drop(t.Context()); err != nil {
			return err
		}
		load(t, coll, docs[:50])
		return nil
	})
	var server mongo.ServerError
	if !errors.As(err, &server) || stream.ClassOf(err) != stream.Fatal || n > 200 { // one batch is read ahead
		t.Errorf("%d documents, %v (%v)", n, err, stream.ClassOf(err))
	}
}

// TestRestartedScanServerKilled kills the server during a scan, as kill -9 does, and starts it
// again.
func TestRestartedScanServerKilled(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := mixedIDs(t, 300)
	load(t, coll, docs)
	n, failures := 0, 0
	var got []bson.Raw
	err := restarted(coll, func() { failures++ }).Each(t.Context(), func(d bson.Raw) error {
		if n++; n == 420 {
			m.Kill(t)
			m.Restart(t)
		}
		got = append(got, d)
		return nil
	})
	if err != nil || failures == 0 || len(got) != len(docs) {
		t.Errorf("%d documents of %d, %d failures, %v", len(got), len(docs), failures, err)
	}
	wholeOrError(t, got, docs, err)
}
