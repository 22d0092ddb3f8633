package integration_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A split emits each document once, by each way to find ranges that the server has, whatever the
// types of the _ids. FerretDB cannot compare across types ($expr), so that only one range works.
func TestSplit(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		docs, ranges := mongofixture.MixedIDs(t, 100), 7
		if m.IsFerretDB() {
			docs, ranges = docs[:100], 1
		}
		load(t, coll, docs)
		for _, division := range []mongosource.Division{mongosource.Estimated, mongosource.Exact} {
			for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
				var report mongosource.SplitReport
				src := mongosource.Split(coll, bson.D{}, &mongosource.SplitOptions{
					Parallelism: 3, Ranges: ranges, Unmeasured: true, Division: division, Order: order, BatchSize: 20,
					Report: func(r mongosource.SplitReport) { report = r },
				})
				got, err := stream.Run(t.Context(), src, sink.Slice[bson.Raw]())
				least := min(2, ranges)
				if report.Method == "splitVector" {
					least = 1 // the server decides
				}
				if n := len(report.Ranges); err != nil || n > ranges || n < least {
					t.Errorf("division %d, order %d: %d documents in %d ranges, %v", division, order, len(got), n, err)
				}
				t.Logf("%d ranges by %s", len(report.Ranges), report.Method)
				sameDocuments(t, got, docs)
			}
		}
	})
}

// A split that measures first reads each document once, whatever it finds.
func TestSplitMeasures(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := mongofixture.MixedIDs(t, 1000)
	load(t, coll, docs)
	var report mongosource.SplitReport
	src := mongosource.Split(coll, bson.D{}, &mongosource.SplitOptions{
		Parallelism: 4, Report: func(r mongosource.SplitReport) { report = r },
	})
	got, err := stream.Run(t.Context(), src, sink.Slice[bson.Raw]())
	if err != nil {
		t.Error(err)
	}
	sameDocuments(t, got, docs)
	t.Logf("ranges by %s at a cost of %.2f: %d ranges were read", report.Method, report.Cost, len(report.Ranges))
}

// SecantusDB and FerretDB accept the time of a snapshot and ignore it. A split finds that out before
// its first document. Another server may read snapshots.
func TestSplitWithoutSnapshots(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		docs := plain(t, 50, 20)
		load(t, coll, docs)
		opts := &mongosource.SplitOptions{Consistency: mongosource.Instant}
		got, err := stream.Run(t.Context(), mongosource.Split(coll, bson.D{}, opts), sink.Slice[bson.Raw]())
		if err == nil && m.IsExternal() {
			sameDocuments(t, got, docs)
			return
		}
		if !errors.Is(err, mongosource.ErrNoSnapshot) || len(got) > 0 {
			t.Errorf("%d documents, %v", len(got), err)
		}
		t.Log(err)
		opts.AllowFuzzy = true
		got, err = stream.Run(t.Context(), mongosource.Split(coll, bson.D{}, opts), sink.Slice[bson.Raw]())
		if err != nil {
			t.Error(err)
		}
		sameDocuments(t, got, docs)
	})
}

// Ranges that fail resume: 0 documents missing or repeated, while the server closes connections and
// loses cursors.
func TestSplitResumes(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	docs := mongofixture.MixedIDs(t, 100)
	load(t, coll, docs)
	for _, fault := range []bson.D{
		{{Key: "closeConnection", Value: true}},
		{{Key: "errorCode", Value: 43}},
		{{Key: "errorCode", Value: 6}},
	} {
		failCommand(t, m, bson.D{{Key: "skip", Value: 2}, {Key: "times", Value: 3}},
			append(bson.D{{Key: "failCommands", Value: bson.A{"getMore"}}}, fault...))
		failures := 0
		src := mongosource.Split(coll, bson.D{}, &mongosource.SplitOptions{
			Parallelism: 1, Ranges: 5, BatchSize: 20, Backoff: stream.Backoff{
				Min: time.Millisecond, Notify: func(error, time.Duration) { failures++ },
			},
		})
		got, err := stream.Run(t.Context(), src, sink.Slice[bson.Raw]())
		if err != nil || failures == 0 {
			t.Errorf("%v: %d failures, %v", fault, failures, err)
		}
		sameDocuments(t, got, docs)
		failOff(t, m)
	}
}
