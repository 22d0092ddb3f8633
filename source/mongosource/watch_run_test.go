package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A cancellation, an early end and a drain end a stream that waits for a change, and close its cursor.
func TestWatchEnds(t *testing.T) {
	cause := errors.New("enough")
	for name, end := range map[string]func(cancel context.CancelCauseFunc, r *stream.Running[int64]){
		"cancelled": func(cancel context.CancelCauseFunc, _ *stream.Running[int64]) { cancel(cause) },
		"drained":   func(_ context.CancelCauseFunc, r *stream.Running[int64]) { r.Drain() },
	} {
		for _, inline := range []bool{false, true} {
			for _, kind := range []string{"collection", "database", "deployment"} {
				srv, coll := serve(t, nil)
				target := map[string]mongosource.Watcher{
					"collection": coll, "database": coll.Database(), "deployment": coll.Database().Client(),
				}[kind]
				opts := watching(mongosource.ChangePosition{})
				opts.MaxAwait, opts.NoReadAhead = time.Minute, inline
				ctx, cancel := context.WithCancelCause(t.Context())
				running := stream.Go(ctx, mongosource.Watch(target, opts), sink.Discard[mongosource.Event]())
				for len(srv.Commands("getMore")) == 0 {
					time.Sleep(time.Millisecond)
				}
				end(cancel, running)
				_, err := running.Wait()
				if want := map[string]error{"cancelled": cause}[name]; !errors.Is(err, want) {
					t.Errorf("%s, %s: %v", name, kind, err)
				}
				kills := srv.Commands("killCursors")
				if len(kills) != 1 || srv.Cursors() != 0 {
					t.Errorf("%s, %s: %d killCursors, %d cursors are left", name, kind, len(kills), srv.Cursors())
				}
				cancel(nil)
			}
		}
	}
}

// A drain stores what was taken: the positions that are saved are those of the stored events.
func TestWatchDrained(t *testing.T) {
	_, coll := serve(t, nil)
	opts := watching(startOf(t, coll))
	opts.BatchSize = 7
	insert(t, coll, 0, 100)
	for stored := 0; stored < 100; {
		var saved mongosource.ChangePosition
		var running *stream.Running[stream.Stored[mongosource.ChangePosition]]
		ready := make(chan struct{})
		store := func(_ context.Context, events []mongosource.Event) error {
			<-ready
			inOrder(t, events, stored)
			stored += len(events)
			running.Drain()
			return nil
		}
		save := func(_ context.Context, p mongosource.ChangePosition) error { saved = p; return nil }
		events := stream.Via(mongosource.Watch(coll, opts),
			stream.Checkpoints(func(e mongosource.Event) mongosource.ChangePosition { return e.Position }))
		running = stream.Go(t.Context(), events, stream.StoreBatches(store, save,
			&stream.StoreOptions{MaxElements: 10, MaxDelay: time.Millisecond}))
		close(ready)
		if _, err := running.Wait(); err != nil {
			t.Fatal(err)
		}
		opts.After = saved
	}
}

// An early end closes the cursor, and a second run begins at the same place.
func TestWatchRunsTwice(t *testing.T) {
	srv, coll := serve(t, nil)
	opts := watching(startOf(t, coll))
	insert(t, coll, 0, 10)
	src := mongosource.Watch(coll, opts)
	for range 2 {
		events, err := take(t.Context(), 5, src)
		if err != nil || len(events) != 5 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		inOrder(t, events, 0)
		if srv.Cursors() != 0 {
			t.Errorf("%d cursors are left", srv.Cursors())
		}
	}
}

// An error of the downstream is returned unchanged, and does not open the stream again.
func TestWatchReturnsErrorsOfTheDownstream(t *testing.T) {
	srv, coll := serve(t, nil)
	start := startOf(t, coll)
	insert(t, coll, 0, 10)
	for _, inline := range []bool{false, true} {
		opened := len(srv.Commands("aggregate"))
		opts := watching(start)
		opts.NoReadAhead = inline
		broken := stream.Mark(errors.New("broken"), stream.Retryable)
		err := mongosource.Watch(coll, opts).Each(t.Context(), func(mongosource.Event) error { return broken })
		if err != broken { //nolint:errorlint // unchanged
			t.Error(err)
		}
		if n := len(srv.Commands("aggregate")) - opened; n != 1 {
			t.Errorf("opened %d times", n)
		}
	}
}

// In a session of the caller, the stream uses that session, on the caller's goroutine.
func TestWatchInASession(t *testing.T) {
	srv, coll := serve(t, nil)
	start := startOf(t, coll)
	insert(t, coll, 0, 10)
	session, err := coll.Database().Client().StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	before := len(srv.Commands())
	events, err := take(mongo.NewSessionContext(t.Context(), session), 10, mongosource.Watch(coll, watching(start)))
	if err != nil || len(events) != 10 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, c := range srv.Commands()[before:] {
		if got := c.Body.Lookup("lsid").String(); got != session.ID().String() {
			t.Errorf("%s in session %s", c.Name, got)
		}
	}
}

// With the least budget that works, the stream goes on through failures, and gives back what it held.
func TestWatchBudget(t *testing.T) {
	for _, inline := range []bool{false, true} {
		srv, coll := serve(t, nil)
		opts := watching(startOf(t, coll))
		opts.NoReadAhead, opts.BatchSize = inline, 5
		insert(t, coll, 0, 50)
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: 1, Code: 43})
		b := stream.NewBudget(batchCost)
		events, err := take(stream.WithBudget(t.Context(), b), 50, mongosource.Watch(coll, opts))
		if err != nil || len(events) != 50 || b.Used() != 0 {
			t.Errorf("%d events, %d bytes left, %v", len(events), b.Used(), err)
		}
		sent := len(srv.Commands())
		_, err = stream.Run(stream.WithBudget(t.Context(), stream.NewBudget(batchCost-1)),
			mongosource.Watch(coll, opts), sink.Discard[mongosource.Event]())
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), fmt.Sprint(batchCost)) {
			t.Error(err)
		}
		if len(srv.Commands()) != sent {
			t.Error("a request was sent")
		}
	}
}

// A server that stays away for longer than the driver waits does not end the stream.
func TestWatchOutlivesTheServer(t *testing.T) {
	srv, coll := serve(t, nil, func(o *options.ClientOptions) { o.SetServerSelectionTimeout(10 * time.Millisecond) })
	opts := watching(startOf(t, coll))
	failures := 0
	opts.Notify = func(error, time.Duration) {
		if failures++; failures == 5 {
			srv.Heal()
		}
	}
	insert(t, coll, 0, 3)
	srv.Inject(mongotest.Fault{Command: "aggregate", Close: true})
	srv.Inject(mongotest.Fault{Command: "getMore", Close: true})
	srv.Disconnect()
	events, err := take(t.Context(), 3, mongosource.Watch(coll, opts))
	if err != nil || len(events) != 3 || failures < 5 {
		t.Fatalf("%d events, %d failures, %v", len(events), failures, err)
	}
	inOrder(t, events, 0)
}

// With a limit, a row of failures ends the run with the last one.
func TestWatchGivesUp(t *testing.T) {
	srv, coll := serve(t, nil)
	opts := watching(startOf(t, coll))
	opts.MaxRetries = 3
	srv.Inject(mongotest.Fault{Command: "aggregate", Code: 6})
	before := len(srv.Commands("aggregate"))
	_, err := take(t.Context(), 1, mongosource.Watch(coll, opts))
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(6) {
		t.Error(err)
	}
	if n := len(srv.Commands("aggregate")) - before; n != 8 { // the driver repeats each one once
		t.Errorf("%d requests", n)
	}
}
