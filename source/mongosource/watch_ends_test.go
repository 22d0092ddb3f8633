package mongosource_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// M18: failures after which the stream cannot continue end the run, at once and with their reason.
// The stream never begins again at now.
func TestWatchFinalErrors(t *testing.T) {
	for code, want := range map[int32]struct {
		err  error
		hint string
	}{
		286: {err: mongosource.ErrHistoryLost}, 280: {err: mongosource.ErrHistoryLost},
		260: {err: mongosource.ErrHistoryLost}, 136: {err: mongosource.ErrHistoryLost},
		40576: {err: mongosource.ErrHistoryLost}, 40585: {err: mongosource.ErrHistoryLost},
		10334: {err: mongosource.ErrEventTooLarge, hint: "SplitLargeEvents"},
		346:   {err: mongosource.ErrInvalidated},
		40573: {hint: "replica set"}, 166: {hint: "view"}, 13: {hint: "changeStream"}, 2: {}, 99999: {},
	} {
		for _, f := range []mongotest.Fault{
			{Command: "aggregate", Nth: 1}, {Command: "getMore", Nth: 1}, {Command: "getMore", Nth: 3},
		} {
			t.Run(fmt.Sprint(code, " at ", f.Command, f.Nth), func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t, nil)
				opts := watching(startOf(t, coll))
				opts.BatchSize = 5
				insert(t, coll, 0, 20)
				opened := len(srv.Commands("aggregate"))
				f.Code, f.Labels = code, []string{"NonResumableChangeStreamError"}
				srv.Inject(f)
				if f.Command == "getMore" { // the first reply must not be full, or the stream is opened again
					opts.BatchSize = 100
				}
				events, err := take(t.Context(), 1000, mongosource.Watch(coll, opts))
				if err == nil || want.err != nil && !errors.Is(err, want.err) || !strings.Contains(err.Error(),
					want.hint) {
					t.Errorf("%v", err)
				}
				if class := stream.ClassOf(err); class.Transient() || want.err != nil && class != stream.Fatal {
					t.Errorf("its class is %v: %v", class, err)
				}
				inOrder(t, events, 0)
				if n := len(srv.Commands("aggregate")) - opened; n != 1 {
					t.Errorf("the stream was opened %d times", n)
				}
				if srv.Cursors() != 0 && f.Command == "aggregate" {
					t.Errorf("%d cursors are left", srv.Cursors())
				}
			})
		}
	}
}

// A collection that is dropped or renamed, and a database that is dropped, end the stream with an
// invalidation. After its position, the stream of the new collection begins.
func TestWatchInvalidated(t *testing.T) {
	for name, c := range map[string]struct {
		operations []mongosource.Operation
		do         func(*mongo.Collection) error
		ofDatabase bool
	}{
		"drop": {
			operations: []mongosource.Operation{mongosource.OpDrop, mongosource.OpInvalidate},
			do:         func(c *mongo.Collection) error { return c.Drop(t.Context()) },
		},
		"rename": {
			operations: []mongosource.Operation{mongosource.OpRename, mongosource.OpInvalidate},
			do: func(c *mongo.Collection) error {
				return c.Database().Client().Database("admin").RunCommand(t.Context(), bson.D{
					{Key: "renameCollection", Value: "shop.cookies"}, {Key: "to", Value: "shop.biscuits"},
				}).Err()
			},
		},
		"drop of the database": {
			operations: []mongosource.Operation{mongosource.OpDrop, mongosource.OpInvalidate},
			do:         func(c *mongo.Collection) error { return c.Database().Drop(t.Context()) },
		},
		"drop of a watched database": {
			operations: []mongosource.Operation{
				mongosource.OpDrop, mongosource.OpDropDatabase,
				mongosource.OpInvalidate,
			},
			do:         func(c *mongo.Collection) error { return c.Database().Drop(t.Context()) },
			ofDatabase: true,
		},
	} {
		for _, inline := range []bool{false, true} {
			_, coll := serve(t, nil)
			var target mongosource.Watcher = coll
			if c.ofDatabase {
				target = coll.Database()
			}
			opts := watching(startOf(t, target))
			opts.NoReadAhead = inline
			insert(t, coll, 0, 3)
			if err := c.do(coll); err != nil {
				t.Fatal(err)
			}
			events, err := take(t.Context(), 100, mongosource.Watch(target, opts))
			if !errors.Is(err, mongosource.ErrInvalidated) || len(events) != 3+len(c.operations) {
				t.Fatalf("%s: %d events, %v", name, len(events), err)
			}
			for i, want := range c.operations {
				if got := events[3+i].Operation; got != want {
					t.Errorf("%s: event %d is %s, want %s", name, 3+i, got, want)
				}
			}
			if to := events[3].To.String(); (to == "shop.biscuits") != (name == "rename") {
				t.Errorf("%s: the new name is %s", name, to)
			}
			insert(t, coll, 0, 5)
			opts.After = reread(t, events[len(events)-1].Position)
			events, err = take(t.Context(), 5, mongosource.Watch(target, opts))
			if err != nil || len(events) != 5 {
				t.Fatalf("%s: %d events after it, %v", name, len(events), err)
			}
			inOrder(t, events, 0)
		}
	}
}

// A stream that filters its invalidation still ends with the error.
func TestWatchInvalidatedSilently(t *testing.T) {
	last := raw(t, bson.D{
		{Key: "cursor", Value: bson.D{
			{Key: "nextBatch", Value: bson.A{}}, {Key: "id", Value: int64(0)}, {Key: "ns", Value: "shop.cookies"},
		}},
		{Key: "ok", Value: 1.0},
	})
	srv, coll := serve(t, nil)
	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Reply: last})
	events, err := take(t.Context(), 1, mongosource.Watch(coll, watching(mongosource.ChangePosition{})))
	if !errors.Is(err, mongosource.ErrInvalidated) || len(events) != 0 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// A position that is too old ends the run, and one of another collection does before any request.
func TestWatchPositions(t *testing.T) {
	srv, coll := serve(t, nil)
	opts := watching(startOf(t, coll))
	srv.KeepChanges(10)
	insert(t, coll, 0, 20)
	if _, err := take(t.Context(), 1, mongosource.Watch(coll, opts)); !errors.Is(err, mongosource.ErrHistoryLost) {
		t.Errorf("too old: %v", err)
	}
	sent := len(srv.Commands())
	for _, target := range []mongosource.Watcher{
		coll.Database().Collection("other"), coll.Database(), coll.Database().Client(),
	} {
		_, err := take(t.Context(), 1, mongosource.Watch(target, opts))
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), "shop.cookies") {
			t.Errorf("of another target: %v", err)
		}
	}
	if len(srv.Commands()) != sent {
		t.Error("a request was sent")
	}
	token := mongosource.AfterToken(raw(t, bson.D{{Key: "_data", Value: "82FFFFFF"}}))
	if _, err := take(t.Context(), 1, mongosource.Watch(coll, watching(token))); !errors.Is(err,
		mongosource.ErrHistoryLost) {
		t.Errorf("of another server: %v", err)
	}
}

// A server that has forgotten the position, and skips changes without an error, is found out: when a
// stored position is continued, when a stream is opened again, and when a live cursor falls behind.
func TestWatchFindsSkippedChanges(t *testing.T) {
	srv, coll := serve(t, nil)
	start := startOf(t, coll)
	insert(t, coll, 0, 10)
	events, err := take(t.Context(), 5, mongosource.Watch(coll, watching(start)))
	if err != nil {
		t.Fatal(err)
	}
	srv.SkipLostChanges()
	srv.KeepChanges(8)
	insert(t, coll, 10, 30)
	stale := watching(events[4].Position)
	if n, err := take(t.Context(), 1, mongosource.Watch(coll, stale)); !errors.Is(err, mongosource.ErrHistoryLost) {
		t.Errorf("a stored position: %d events, %v", len(n), err)
	}
	for name, set := range map[string]func(*mongosource.WatchOptions){
		"opened again": func(*mongosource.WatchOptions) {
			srv.Inject(mongotest.Fault{Command: "getMore", Code: 43})
		},
		"behind":             func(o *mongosource.WatchOptions) { o.ReopenAfter = time.Nanosecond },
		"always":             func(o *mongosource.WatchOptions) { o.ReopenAfter = -1 },
		"after a full reply": func(o *mongosource.WatchOptions) { o.BatchSize = 4 },
		"inline":             func(o *mongosource.WatchOptions) { o.ReopenAfter, o.NoReadAhead = -1, true },
		"with a pipeline": func(o *mongosource.WatchOptions) {
			o.ReopenAfter, o.Pipeline = -1, mongo.Pipeline{}
		},
		"with documents, by now": func(o *mongosource.WatchOptions) {
			o.ReopenAfter, o.FullDocument = -1, options.UpdateLookup
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Heal()
			start := startOf(t, coll)
			opts := watching(start)
			set(opts)
			insert(t, coll, 100, 101)
			n := 0
			err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
				if n++; n == 1 {
					time.Sleep(20 * time.Millisecond) // until an empty batch was read ahead
					insert(t, coll, 101, 130)
				}
				if id := e.Key.Lookup("_id").AsInt64(); id != int64(99+n) {
					t.Errorf("event %d is %d", n, id)
					return errEnough
				}
				if n == 30 {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, mongosource.ErrHistoryLost) {
				t.Errorf("%d events, %v", n, err)
			}
			coll.Drop(t.Context())
		})
	}
}
