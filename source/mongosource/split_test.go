package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// divided are the options of a split into ranges that resumes at once and does not measure.
func divided(parallelism, ranges int) *mongosource.SplitOptions {
	return &mongosource.SplitOptions{
		Parallelism: parallelism, Ranges: ranges, Unmeasured: true, BatchSize: 3,
		Backoff: stream.Backoff{Min: time.Millisecond},
	}
}

// sorted returns docs in the order of n, which everyID stores in each document.
func sorted(docs []bson.Raw) []bson.Raw {
	return slices.SortedStableFunc(slices.Values(docs), func(a, b bson.Raw) int {
		return int(a.Lookup("n").AsInt64() - b.Lookup("n").AsInt64())
	})
}

// contains reports whether a command contains a text.
func contains(text string) func(mongotest.Command) bool {
	return func(c mongotest.Command) bool { return strings.Contains(c.Body.String(), text) }
}

// without makes a server refuse the ways to find ranges before method.
func without(srv *mongotest.Server, method string) {
	switch method {
	case "count":
		srv.Inject(mongotest.Fault{Command: "aggregate", Code: 40324, If: contains("$sample")})
		fallthrough
	case "$sample":
		srv.Inject(mongotest.Fault{Command: "splitVector", Code: 59})
	}
}

// A split emits every document once, whatever the types of the _ids, however the ranges are found
// and in which order they come.
func TestSplit(t *testing.T) {
	docs := everyID(t)
	for _, method := range []string{"splitVector", "$sample", "$bucketAuto", "count"} {
		for _, parallelism := range []int{1, 3} {
			for _, ranges := range []int{1, 2, 5, 40, 100} {
				for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
					srv, coll := serve(t, docs)
					without(srv, method)
					opts := divided(parallelism, ranges)
					opts.Order = order
					if method == "$bucketAuto" {
						opts.Division = mongosource.Exact
					}
					var report mongosource.SplitReport
					opts.Report = func(r mongosource.SplitReport) { report = r }
					got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
					if order == mongosource.AsTheyCome {
						got = sorted(got)
					}
					name := fmt.Sprintf("%s, %d ranges, %d at once, order %d", method, ranges, parallelism, order)
					if err != nil || !equal(got, docs) {
						t.Errorf("%s: %d documents of %d, %v", name, len(got), len(docs), err)
					}
					if n := len(report.Ranges); ranges > 1 && (report.Method != method || n < 2 || n > ranges) ||
						ranges == 1 && n != 1 {
						t.Errorf("%s: %d ranges by %s", name, n, report.Method)
					}
					sum := int64(0)
					for _, r := range report.Ranges {
						sum += r.Documents
					}
					if open := srv.Cursors(); open != 0 || sum != int64(len(docs)) {
						t.Errorf("%s: %d cursors are left, %d documents reported", name, open, sum)
					}
				}
			}
		}
	}
}

// Each range resumes after a failure.
func TestSplitResumes(t *testing.T) {
	docs := everyID(t)
	for _, f := range resumable() {
		if f.Code != 43 && f.name != "FIN" && f.name != "RST in a reply" {
			continue // TestScanResumes tries them all
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for nth := range 2 {
				srv, coll := serve(t, docs)
				for i := range 3 {
					broken := f.Fault
					broken.Command, broken.Nth = []string{"getMore", "find", "getMore"}[i], 1+nth*(i+1)
					srv.Inject(broken)
				}
				got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, divided(3, 5)))
				if err != nil || !equal(got, docs) {
					t.Errorf("%d documents of %d, %v", len(got), len(docs), err)
				}
			}
		})
	}
}

// Preparations are repeated as well.
func TestSplitPreparesAgain(t *testing.T) {
	docs := numbered(t, 50)
	for _, command := range []string{"listCollections", "splitVector", "aggregate", "count"} {
		srv, coll := serve(t, docs)
		for nth := 1; nth <= 2; nth++ {
			srv.Inject(mongotest.Fault{Command: command, Nth: nth, Code: 6})
		}
		opts := divided(2, 4)
		opts.Unmeasured = false
		got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
		if err != nil || !equal(got, docs) {
			t.Errorf("%s: %d documents, %v", command, len(got), err)
		}
	}
}

// A collection that is dropped or created again ends the run, also if only ranges that were read
// before are affected.
func TestSplitOfAChangedCollection(t *testing.T) {
	docs := numbered(t, 60)
	for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
		for _, at := range []int{1, 30, 59} {
			for _, again := range []bool{false, true} {
				srv, coll := serve(t, docs)
				opts := divided(2, 6)
				opts.Order = order
				n := 0
				err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
					if n++; n != at {
						return nil
					}
					err := coll.Drop(t.Context())
					if again {
						srv.Add("shop", coll.Name(), docs...)
					}
					return err
				})
				if !errors.Is(err, mongosource.ErrCollectionChanged) || n == len(docs) {
					t.Errorf("order %d, document %d, again %v: %d documents, %v", order, at, again, n, err)
				}
			}
		}
	}
}

// The filter of the user holds in each range.
func TestSplitFilter(t *testing.T) {
	_, coll := serve(t, numbered(t, 100))
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: 50}}}}
	got, err := collect(t.Context(), mongosource.Split(coll, filter, divided(2, 5)))
	if err != nil || !equal(got, numbered(t, 100)[50:]) {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

func TestSplitBadSettings(t *testing.T) {
	srv, coll := serve(t, numbered(t, 3))
	for name, opts := range map[string]mongosource.SplitOptions{
		"parallelism":  {Parallelism: -1},
		"ranges":       {Ranges: 10_001},
		"order":        {Order: 2},
		"division":     {Division: -1},
		"consistency":  {Consistency: 3},
		"time":         {At: bson.Timestamp{T: 1}},
		"projection":   {Projection: bson.D{{Key: "_id", Value: 0}}},
		"batch":        {BatchSize: -1},
		"backoff":      {Backoff: stream.Backoff{Min: -1}},
		"read concern": {Consistency: mongosource.Instant, ReadConcern: readconcern.Local()},
	} {
		if got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, &opts)); len(got) > 0 ||
			stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mongosource.SplitCheckpoints(nil, bson.D{}, nil).Each(t.Context(), nil); stream.ClassOf(err) !=
		stream.Fatal {
		t.Errorf("a nil collection: %v", err)
	}
	if n := len(srv.Commands()); n > 0 {
		t.Errorf("%d commands were sent", n)
	}
	session, err := coll.Database().Client().StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	ctx := mongo.NewSessionContext(t.Context(), session)
	if _, err := collect(ctx, mongosource.Split(coll, bson.D{}, divided(2, 4))); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("in a session: %v", err)
	}
	if got, err := collect(ctx, mongosource.Split(coll, bson.D{}, divided(1, 4))); len(got) != 3 || err != nil {
		t.Errorf("one range at a time in a session: %d documents, %v", len(got), err)
	}
}

func TestSplitContract(t *testing.T) {
	for name, opts := range map[string]*mongosource.SplitOptions{
		"one range": divided(1, 1), "in order": divided(3, 7),
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t, nil)
			db := coll.Database()
			streamtest.TestSource(t, streamtest.Source[bson.Raw]{
				New: func(n int) stream.Source[bson.Raw] {
					name := fmt.Sprint("of-", n)
					if srv.Documents(db.Name(), name) == nil {
						srv.Add(db.Name(), name, numbered(t, n)...)
					}
					return mongosource.Split(db.Collection(name), bson.D{}, opts)
				},
				Want: func(t *testing.T, n int, out []bson.Raw) {
					if !equal(out, numbered(t, n)) {
						t.Errorf("%d documents came, not the %d that are stored", len(out), n)
					}
				},
				Records: true,
				RealIO:  true,
				Idle:    []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."},
			})
		})
	}
}

func TestSplitCheckpointsContract(t *testing.T) {
	srv, coll := serve(t, nil)
	db := coll.Database()
	streamtest.TestSource(t, streamtest.Source[mongosource.SplitCheckpointed]{
		New: func(n int) stream.Source[mongosource.SplitCheckpointed] {
			name := fmt.Sprint("of-", n)
			if srv.Documents(db.Name(), name) == nil {
				srv.Add(db.Name(), name, numbered(t, n)...)
			}
			return mongosource.SplitCheckpoints(db.Collection(name), bson.D{}, divided(1, 1))
		},
		Records: true, RealIO: true, Idle: onTheWire,
	})
}

// A drained split ends without an error, and its position is not done.
func TestSplitDrains(t *testing.T) {
	for _, parallelism := range []int{1, 3} {
		_, coll := serve(t, numbered(t, 1000))
		opts := divided(parallelism, 6)
		opts.Order = mongosource.AsTheyCome
		var run *stream.Running[stream.Checkpoint[mongosource.SplitPosition]]
		started := make(chan struct{})
		draining := stream.Map(func(e mongosource.SplitCheckpointed) mongosource.SplitCheckpointed {
			<-started
			run.Drain()
			return e
		})
		run = stream.Go(t.Context(), stream.Via(mongosource.SplitCheckpoints(coll, bson.D{}, opts), draining),
			stream.Acknowledge[bson.Raw](func(context.Context, mongosource.SplitPosition) error { return nil }))
		close(started)
		if last, err := run.Wait(); err != nil || last.Position.Done() {
			t.Errorf("%v, %v", last, err)
		}
	}
}

// A split that is drained while it waits for the server is not done either.
func TestSplitDrainsWaiting(t *testing.T) {
	for range 20 {
		srv, coll := serve(t, numbered(t, 100))
		var run *stream.Running[stream.Checkpoint[mongosource.SplitPosition]]
		started := make(chan struct{})
		srv.Inject(mongotest.Fault{Command: "getMore", If: func(mongotest.Command) bool {
			<-started
			run.Drain()
			return false
		}})
		run = stream.Go(t.Context(), mongosource.SplitCheckpoints(coll, bson.D{}, divided(1, 6)),
			stream.Acknowledge[bson.Raw](func(context.Context, mongosource.SplitPosition) error { return nil }))
		close(started)
		if last, err := run.Wait(); err != nil || last.Position.Done() {
			t.Fatalf("%v, %v", last, err)
		}
	}
}

// A cancelled split ends with the cause, also while ranges wait to resume.
func TestSplitCancelled(t *testing.T) {
	srv, coll := serve(t, numbered(t, 100))
	srv.Inject(mongotest.Fault{Command: "getMore", Code: 43})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	opts := divided(3, 6)
	opts.Backoff.Min = time.Hour
	opts.Backoff.Notify = func(error, time.Duration) { cancel(cause) }
	if _, err := collect(ctx, mongosource.Split(coll, bson.D{}, opts)); err != cause { //nolint:errorlint // as it is
		t.Errorf("%v", err)
	}
}

// All ranges together count in a budget with three batches each.
func TestSplitBudget(t *testing.T) {
	docs := numbered(t, 300)
	_, coll := serve(t, docs)
	for bytes, ends := range map[int64]bool{2*batchCost - 1: false, 2 * batchCost: true, 5 * batchCost: true} {
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(bytes))
		got, err := stream.Run(ctx, mongosource.Split(coll, bson.D{}, divided(2, 8)), sink.Slice[bson.Raw]())
		if ends != (err == nil) || ends && !equal(got, docs) {
			t.Errorf("a budget of %d bytes: %d documents, %v", bytes, len(got), err)
		}
	}
}
