package mongosource_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// loses lets a server forget all but its last 8 changes, without an error to a stream that needs
// them, makes 30 of them, and waits until a cursor that had caught up before lags.
func loses(t *testing.T, srv *mongotest.Server, coll *mongo.Collection, lag time.Duration) {
	t.Helper()
	srv.SkipLostChanges()
	srv.KeepChanges(8)
	insert(t, coll, 100, 130)
	time.Sleep(lag)
}

// A stream that waits for memory may come to lag before its next request. It then must not read on,
// because its cursor may skip changes: neither the cursor of the last batch, nor a new one whose first
// batch waits.
func TestWatchLagsWhileItWaitsForMemory(t *testing.T) {
	const lag = 50 * time.Millisecond
	for name, openings := range map[string]int{"an old cursor": 1, "a new cursor": 2} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t, nil)
			opts := watching(startOf(t, coll))
			opts.ReopenAfter = lag
			opts.BatchSize = 20
			first := 1
			if openings > 1 {
				first = opts.BatchSize // after a full batch, the stream is opened again
			}
			insert(t, coll, 100-first, 100)
			opened := len(srv.Commands("aggregate"))
			ctx := stream.WithBudget(t.Context(), stream.NewBudget(batchCost))
			n := 0
			err := mongosource.Watch(coll, opts).Each(ctx, func(e mongosource.Event) error {
				if id := e.Key.Lookup("_id").AsInt64(); id != int64(100-first+n) {
					t.Errorf("event %d is %d", n, id)
					return errEnough
				}
				if n++; n == 1 {
					for len(srv.Commands("aggregate")) < opened+openings {
						time.Sleep(time.Millisecond)
					}
					loses(t, srv, coll, 2*lag)
				}
				return nil
			})
			if !errors.Is(err, mongosource.ErrHistoryLost) {
				t.Errorf("%d events, %v", n, err)
			}
		})
	}
}

// A request may wait for a free connection for so long that the cursor comes to lag. Its reply then
// must not be used.
func TestWatchLagsWhileItWaitsForAConnection(t *testing.T) {
	const lag = 300 * time.Millisecond
	var waiting atomic.Int32 // requests without a connection
	srv, coll := serve(t, nil, func(o *options.ClientOptions) {
		o.SetMaxPoolSize(1).SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
			switch e.Type {
			case event.ConnectionCheckOutStarted:
				waiting.Add(1)
			case event.ConnectionCheckedOut, event.ConnectionCheckOutFailed:
				waiting.Add(-1)
			}
		}})
	})
	release := make(chan struct{})
	srv.Inject(mongotest.Fault{Command: "ping", Wire: func(reply []byte) []byte { <-release; return reply }})
	other := mongofixture.Connect(t, srv).Database(coll.Database().Name()).Collection(coll.Name())
	opts := watching(startOf(t, coll))
	opts.ReopenAfter, opts.MaxAwait = lag, 10*time.Millisecond
	insert(t, other, 99, 100)
	var busy sync.WaitGroup
	defer busy.Wait()
	n := 0
	err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
		if id := e.Key.Lookup("_id").AsInt64(); id != int64(99+n) {
			t.Errorf("event %d is %d", n, id)
			return errEnough
		}
		if n++; n == 1 {
			busy.Go(func() { // takes the only connection
				if err := coll.Database().RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}}).Err(); err != nil {
					t.Error(err)
				}
			})
			busy.Go(func() {
				defer close(release)
				for len(srv.Commands("ping")) == 0 || waiting.Load() == 0 {
					time.Sleep(time.Millisecond)
				}
				loses(t, srv, other, 2*lag)
			})
		}
		return nil
	})
	if !errors.Is(err, mongosource.ErrHistoryLost) {
		t.Errorf("%d events, %v", n, err)
	}
}

// The position of a quiet stream moves on, also if the stream is opened again all the time. A position
// that stayed would leave the server's log one day.
func TestWatchMovesWhileItReopens(t *testing.T) {
	for name, set := range map[string]func(*mongosource.WatchOptions){
		"always": func(o *mongosource.WatchOptions) { o.ReopenAfter = -1 },
		"after each wait": func(o *mongosource.WatchOptions) {
			o.ReopenAfter, o.MaxAwait = 5*time.Millisecond, 10*time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, coll := serve(t, nil)
			opts := watching(startOf(t, coll))
			opts.Heartbeat = 30 * time.Millisecond
			set(opts)
			insert(t, coll, 0, 1)
			events, err := take(t.Context(), 6, mongosource.Watch(coll, opts))
			if err != nil || len(events) != 6 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			inOrder(t, events[:1], 0)
			for _, e := range events[1:] {
				if e.Operation != mongosource.OpHeartbeat {
					t.Errorf("an event %s", e.Operation)
				}
			}
			if events[5].Position == events[0].Position {
				t.Error("the position has not moved in 5 heartbeats")
			}
		})
	}
}
