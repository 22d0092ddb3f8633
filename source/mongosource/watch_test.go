package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// watching returns options for tests: short waits, and no read-ahead if inline.
func watching(after mongosource.ChangePosition) *mongosource.WatchOptions {
	return &mongosource.WatchOptions{
		After:    after,
		MaxAwait: 10 * time.Millisecond,
		Backoff:  stream.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond},
	}
}

// startOf returns the position of the start of a stream of target.
func startOf(t testing.TB, target mongosource.Watcher) mongosource.ChangePosition {
	t.Helper()
	opts := watching(mongosource.ChangePosition{})
	opts.Heartbeat = time.Millisecond
	events, err := take(t.Context(), 1, mongosource.Watch(target, opts))
	if err != nil || len(events) != 1 || events[0].Operation != mongosource.OpHeartbeat {
		t.Fatalf("%d events, %v", len(events), err)
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

// insert inserts {_id: from}, … {_id: to-1} one by one.
func insert(t testing.TB, coll *mongo.Collection, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: int32(i)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// inOrder fails the test unless events are the inserts of {_id: from}, {_id: from+1}…
func inOrder(t testing.TB, events []mongosource.Event, from int) {
	t.Helper()
	for i, e := range events {
		if got := e.Key.Lookup("_id").AsInt64(); e.Operation != mongosource.OpInsert || got != int64(from+i) {
			t.Fatalf("event %d is %s of %d, want the insert of %d", i, e.Operation, got, from+i)
		}
	}
}

// A stream has every change of its collection, database or deployment, whether it reads ahead or
// not, from the position on.
func TestWatchTargets(t *testing.T) {
	_, coll := serve(t, nil)
	db, base := coll.Database(), 0
	for name, c := range map[string]struct {
		target mongosource.Watcher
		want   int
	}{
		"collection": {coll, 10},
		"database":   {db, 20},
		"deployment": {db.Client(), 30},
	} {
		for _, inline := range []bool{false, true} {
			opts := watching(startOf(t, c.target))
			opts.NoReadAhead = inline
			opts.BatchSize = 3
			base += 100
			insert(t, coll, base, base+10)
			insert(t, db.Collection("other"), base, base+10)
			insert(t, db.Client().Database("market").Collection("cookies"), base, base+10)
			got, err := take(t.Context(), c.want, mongosource.Watch(c.target, opts))
			if err != nil || len(got) != c.want {
				t.Fatalf("%s: %d events, %v", name, len(got), err)
			}
			for i := 0; i < c.want; i += 10 {
				inOrder(t, got[i:i+10], base)
			}
			first := got[0]
			if first.Namespace != (mongosource.Namespace{Database: "shop", Collection: "cookies"}) ||
				first.ClusterTime.T == 0 || first.WallTime.IsZero() || first.Document == nil ||
				string(first.Document) != string(first.Raw.Lookup("fullDocument").Document()) {
				t.Errorf("%s: %+v", name, first)
			}
		}
	}
}

// Without a position, a stream begins with the first change after its start, and does so once: what
// happens while it is opened again comes too.
func TestWatchBeginsOnce(t *testing.T) {
	srv, coll := serve(t, nil)
	opts := watching(mongosource.ChangePosition{})
	opts.Heartbeat = time.Millisecond
	opts.NoReadAhead = true
	insert(t, coll, 0, 5)
	n := 5
	err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
		if e.Operation == mongosource.OpHeartbeat && n == 5 {
			srv.Inject(mongotest.Fault{Command: "getMore", Nth: 1, Close: true})
			srv.Inject(mongotest.Fault{Command: "aggregate", Nth: 1, Code: 6})
			srv.Inject(mongotest.Fault{Command: "aggregate", Nth: 2, Code: 6})
			insert(t, coll, 5, 15)
			n = 6
			return nil
		}
		if e.Operation == mongosource.OpHeartbeat {
			return nil
		}
		inOrder(t, []mongosource.Event{e}, n-1)
		if n++; n == 16 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

var errEnough = errors.New("enough")

// A stream that is continued at the position of any event has all later ones, and each of them once.
func TestWatchContinues(t *testing.T) {
	_, coll := serve(t, nil)
	start := startOf(t, coll)
	insert(t, coll, 0, 20)
	all, err := take(t.Context(), 20, mongosource.Watch(coll, watching(start)))
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, all, 0)
	for i, e := range all[:19] {
		rest, err := take(t.Context(), 19-i, mongosource.Watch(coll, watching(reread(t, e.Position))))
		if err != nil || len(rest) != 19-i {
			t.Fatalf("after %d: %d events, %v", i, len(rest), err)
		}
		inOrder(t, rest, i+1)
	}
}

// reread returns the position as another process reads it.
func reread(t testing.TB, p mongosource.ChangePosition) (read mongosource.ChangePosition) {
	t.Helper()
	text, err := p.MarshalJSON()
	if err == nil {
		err = read.UnmarshalJSON(text)
	}
	if err != nil || read != p {
		t.Fatalf("%v became %v: %v", p, read, err)
	}
	doc, err := p.MarshalBSON()
	if err == nil {
		err = read.UnmarshalBSON(doc)
	}
	if err != nil || read != p {
		t.Fatalf("%v became %v: %v", p, read, err)
	}
	return read
}

// M18 and its kin: whatever failure that passes, of whatever request, no event is lost or comes
// twice.
func TestWatchResumes(t *testing.T) {
	codes := []int32{
		43, 237, 6, 7, 63, 89, 91, 133, 134, 150, 189, 222, 234, 262, 9001, 10107, 11600, 11602, 13388,
		13435, 13436,
	}
	stateChanges := []int32{91, 189, 10107, 11600, 11602, 13435, 13436}
	faults := map[string]mongotest.Fault{
		"closed": {Close: true}, "reset": {Close: true, Reset: true}, "reply lost": {Lose: true}, "cut": {Cut: 100},
		"overload": {Code: 462, Labels: []string{"SystemOverloadedError", "RetryableError"}},
	}
	for _, code := range codes {
		if !slices.Contains(stateChanges, code) || code == 10107 {
			faults[fmt.Sprint("code ", code)] = mongotest.Fault{Code: code}
		}
		faults[fmt.Sprint("resumable code ", code)] = mongotest.Fault{
			Code: code, Labels: []string{"ResumableChangeStreamError"},
		}
	}
	for name, fault := range faults {
		for _, place := range []struct {
			command string
			nth     []int
		}{
			{"aggregate", []int{1}},
			{"aggregate", []int{1, 2, 3}},
			{"getMore", []int{1}},
			{"getMore", []int{2}},
			{"getMore", []int{3, 4, 6, 8}},
		} {
			t.Run(fmt.Sprint(name, " at ", place.command, place.nth), func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t, nil)
				if len(place.nth) == 3 && slices.Contains(stateChanges, fault.Code) {
					return // the driver waits half a second each time
				}
				start := startOf(t, coll)
				insert(t, coll, 0, 20)
				for _, nth := range place.nth {
					f := fault
					f.Command, f.Nth = place.command, nth
					srv.Inject(f)
				}
				opts := watching(start)
				opts.BatchSize = 3
				events, err := take(t.Context(), 20, mongosource.Watch(coll, opts))
				if err != nil || len(events) != 20 {
					t.Fatalf("%d events, %v", len(events), err)
				}
				inOrder(t, events, 0)
			})
		}
	}
}
