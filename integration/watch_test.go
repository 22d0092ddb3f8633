package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// watching returns the options of a stream that opens again quickly.
func watching(after mongosource.ChangePosition) *mongosource.WatchOptions {
	return &mongosource.WatchOptions{
		After: after, MaxAwait: 50 * time.Millisecond, Backoff: stream.Backoff{
			Min: 10 * time.Millisecond,
			Max: 100 * time.Millisecond,
		},
	}
}

// startOf returns the position of the start of a stream of target.
func startOf(t testing.TB, target mongosource.Watcher) (at mongosource.ChangePosition) {
	t.Helper()
	opts := watching(at)
	opts.Heartbeat = time.Millisecond
	events, err := take(t.Context(), 1, mongosource.Watch(target, opts))
	if err != nil {
		t.Fatal(err)
	}
	return events[0].Position
}

// take returns the first n events.
func take(ctx context.Context, n int, src stream.Source[mongosource.Event]) (events []mongosource.Event, err error) {
	err = stream.Via(src, stream.Take[mongosource.Event](n)).Each(ctx, func(e mongosource.Event) error {
		events = append(events, e)
		return nil
	})
	return events, err
}

func insertNumbers(t testing.TB, coll *mongo.Collection, from, to int) {
	t.Helper()
	for i := from; i < to; i += 100 {
		var docs []any
		for j := i; j < min(i+100, to); j++ {
			docs = append(docs, bson.D{{Key: "_id", Value: int32(j)}})
		}
		if _, err := coll.InsertMany(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}
}

// Positions that have left the log of SecantusDB are an error, and so is a live cursor that falls
// behind, which the server itself does not report.
func TestWatchLosesNothingSilently(t *testing.T) {
	m := servers.SecantusDB(t, "--oplog-max-entries", "500")
	coll := m.Database(t).Collection("c")
	insertNumbers(t, coll, 0, 1)
	start := startOf(t, coll)
	insertNumbers(t, coll, 1, 10)
	events, err := take(t.Context(), 9, mongosource.Watch(coll, watching(start)))
	if err != nil {
		t.Fatal(err)
	}
	position := events[4].Position
	insertNumbers(t, coll, 10, 5310)
	for name, at := range map[string]mongosource.ChangePosition{
		"of the start": start, "of an event": position, "a token": mongosource.AfterToken(position.Token()),
	} {
		events, err := take(t.Context(), 1, mongosource.Watch(coll, watching(at)))
		if !errors.Is(err, mongosource.ErrHistoryLost) {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
	for name, set := range map[string]func(*mongosource.WatchOptions){
		"a full batch": func(o *mongosource.WatchOptions) { o.BatchSize = 100 },
		"always":       func(o *mongosource.WatchOptions) { o.ReopenAfter = -1 },
		"inline":       func(o *mongosource.WatchOptions) { o.BatchSize, o.NoReadAhead = 10, true },
	} {
		insertNumbers(t, coll, 10_000, 10_001)
		opts := watching(startOf(t, coll))
		set(opts)
		insertNumbers(t, coll, 10_001, 10_002)
		n := 0
		err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
			if n++; n == 1 {
				insertNumbers(t, coll, 10_002, 15_000)
			}
			if id := e.Key.Lookup("_id").AsInt64(); id != int64(10_000+n) {
				t.Errorf("%s: event %d is of %d", name, n, id)
			}
			return nil
		})
		if !errors.Is(err, mongosource.ErrHistoryLost) {
			t.Errorf("%s: %d events, %v", name, n, err)
		}
		if _, err := coll.DeleteMany(t.Context(),
			bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: 10_000}}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// The stream of a dropped collection ends, and that of the next collection of its name begins.
func TestWatchInvalidated(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	insertNumbers(t, coll, 0, 1)
	start := startOf(t, coll)
	if err := coll.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := take(t.Context(), 5, mongosource.Watch(coll, watching(start)))
	if !errors.Is(err, mongosource.ErrInvalidated) || len(events) != 2 ||
		events[1].Operation != mongosource.OpInvalidate {
		t.Fatalf("%d events, %v", len(events), err)
	}
	insertNumbers(t, coll, 0, 4)
	events, err = take(t.Context(), 4, mongosource.Watch(coll, watching(events[1].Position)))
	if err != nil || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
}

// A change stream survives kills of its server: it has every change once, in order. The inserter
// repeats an insert until the server has acknowledged it or says that it is there.
func TestWatchKills(t *testing.T) {
	kills := 4
	if os.Getenv("MILLWEIR_LONG") != "" {
		kills = 20
	}
	m := servers.SecantusDB(t)
	// The server stays away for longer than the driver waits for it.
	db := m.Database(t, options.Client().SetServerSelectionTimeout(200*time.Millisecond))
	coll := db.Collection("c")
	insertNumbers(t, coll, 0, 1)
	m.Restart(t) // a kill while the collection is new can make it unusable
	var opened atomic.Int32
	opts := watching(startOf(t, coll))
	opts.Notify = func(error, time.Duration) { opened.Add(1) }

	w := &watched{changed: make(chan int, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	written := make(chan int, 1)
	go func() { written <- insertUntil(ctx, coll) }()
	running := stream.Go(t.Context(), mongosource.Watch(coll, opts), sink.ForEach(w.take))
	t.Logf("| kill | events before it | openings after failures | server away |")
	t.Logf("|---|---|---|---|")
	for kill := range kills {
		await(t, running, w, w.count()+50+rand.IntN(200))
		before, away := opened.Load(), time.Duration(rand.IntN(400))*time.Millisecond
		m.Kill(t)
		events := w.count()
		time.Sleep(away)
		m.Restart(t)
		await(t, running, w, w.count()+10)
		t.Logf("| %d | %d | %d | %v |", kill+1, events, opened.Load()-before, away.Round(time.Millisecond))
	}
	cancel()
	n := <-written
	await(t, running, w, n)
	running.Drain()
	if _, err := running.Wait(); err != nil {
		t.Error(err)
	}
	stored, err := coll.CountDocuments(t.Context(), bson.D{})
	if err != nil || int(stored) != n+1 || w.count() != n || w.bad != "" {
		t.Errorf("%d events of %d inserts, %d documents %s: %v", w.count(), n, stored, w.bad, err)
	}
	t.Logf("%d kills, %d inserts, %d events, none lost, none repeated", kills, n, w.count())
}

// watched checks that events are the inserts of 1, 2, 3…
type watched struct {
	mu      sync.Mutex
	n       int
	bad     string
	changed chan int
}

func (w *watched) take(_ context.Context, e mongosource.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	if id := e.Key.Lookup("_id").AsInt64(); id != int64(w.n) && w.bad == "" {
		w.bad = fmt.Sprintf("event %d is the insert of %d", w.n, id)
	}
	select {
	case w.changed <- w.n:
	default:
	}
	return nil
}

func (w *watched) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// await waits until n events have come.
func await[R any](t testing.TB, running *stream.Running[R], w *watched, n int) {
	t.Helper()
	for w.count() < n {
		select {
		case <-w.changed:
		case <-running.Done():
			_, err := running.Wait()
			t.Fatalf("the stream ended after %d events: %v", w.count(), err)
		}
	}
}

// insertUntil inserts 1, 2, 3… until ctx ends, and returns the last one. It repeats an insert without
// an acknowledgement.
func insertUntil(ctx context.Context, coll *mongo.Collection) int {
	for n := 1; ; n++ {
		for {
			_, err := coll.InsertOne(context.WithoutCancel(ctx), bson.D{{Key: "_id", Value: int32(n)}})
			if err == nil || mongo.IsDuplicateKeyError(err) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if ctx.Err() != nil {
			return n
		}
	}
}
