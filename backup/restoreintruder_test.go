package backup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// connectWith returns a client that calls f before its first command of the name on the collection
// weather.
func connectWith(t *testing.T, srv *mongotest.Server, command string, f func()) *mongo.Client {
	t.Helper()
	done := false
	monitor := &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if name, _ := e.Command.Lookup(command).StringValueOK(); name == "weather" && !done {
			done = true
			f()
		}
	}}
	return mongofixture.Connect(t, srv, func(o *options.ClientOptions) { o.SetMonitor(monitor) })
}

func dropWeather(t *testing.T, client *mongo.Client) {
	if err := client.Database("shop").Collection("weather").Drop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// A time series that another program drops while it is filled, or before its indexes are there, is no
// success: the server would create a plain collection of its name.
func TestRestoreSeriesDropped(t *testing.T) {
	r, _ := makeRepository(t)
	c := weather(t)
	c.indexes = []bson.D{{
		{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "m", Value: 1}}}, {Key: "name", Value: "m_1"},
	}}
	makeBackup(t, r, time.Now(), c)
	for _, command := range []string{"insert", "createIndexes", "collMod"} {
		srv := mongotest.NewServer()
		other := mongofixture.Connect(t, srv)
		client := connectWith(t, srv, command, func() { dropWeather(t, other) })
		_, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1)
		if err == nil || stream.ClassOf(err) == stream.Unclassified {
			t.Errorf("dropped before %s: %v (%v)", command, err, stream.ClassOf(err))
		}
	}
}

// A time series whose mark alone is left is complete. Documents that an application has added since
// are never dropped.
func TestRestoreSeriesMarkLeft(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), weather(t))
	for _, added := range []int{0, 1} {
		for _, opts := range []*RestoreOptions{nil, {Merge: true}} {
			srv := mongotest.NewServer()
			client := mongofixture.Connect(t, srv)
			ctx, kill := context.WithCancel(t.Context())
			var inserted atomic.Bool
			srv.Inject(mongotest.Fault{Command: "insert", If: func(c mongotest.Command) bool {
				if c.Body.Lookup("insert").StringValue() == "weather" {
					inserted.Store(true)
				}
				return false
			}})
			srv.Inject(mongotest.Fault{Command: "drop", Close: true, If: func(c mongotest.Command) bool {
				ours := inserted.Load() && !strings.HasSuffix(c.Body.Lookup("drop").StringValue(), laterSuffix)
				if ours {
					kill()
				}
				return ours
			}})
			if _, err := Run(ctx, view(t, r, "").Restore(client, opts), 1); err == nil {
				t.Fatal("no error")
			}
			srv.Heal()
			for range added {
				srv.Add("shop", "weather", document(t, bson.D{
					{Key: "_id", Value: "own"}, {Key: "t", Value: bson.DateTime(9)},
				}))
			}
			again := view(t, r, "").Restore(client, opts)
			_, err := Run(t.Context(), again, 1)
			if (added > 0) != errors.Is(err, ErrTargetExists) || added == 0 && err != nil {
				t.Errorf("%d added, %+v: %v", added, opts, err)
			}
			if err := again.(Abandoner).Abandon(t.Context()); err != nil {
				t.Error(err)
			}
			left := slices.DeleteFunc(names(t, srv), func(name string) bool {
				return strings.Contains(name, laterSuffix) // the mark of a merge that made its target
			})
			if n := len(srv.Documents("shop", "weather")); n != 4+added || len(left) != 1 {
				t.Errorf("%d added, %+v: %d documents, %s", added, opts, n, left)
			}
		}
	}
}

// A target that has its documents already is a success only if a majority of the servers has it: an
// earlier run may have been killed after a rename that no other server has.
func TestRestorePresentByMajority(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); err != nil {
		t.Fatal(err)
	}
	srv.Inject(mongotest.Fault{Command: "collMod", Reply: document(t, bson.D{
		{Key: "ok", Value: 1}, {Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"},
		}},
	})})
	for _, opts := range []*RestoreOptions{nil, {Merge: true}} {
		if _, err := Run(t.Context(), view(t, r, "").Restore(client, opts), 1); err == nil {
			t.Errorf("%+v: no majority, and no error", opts)
		}
	}
}

// A capped collection is merged into a plain one. Into another capped collection it is not.
func TestRestoreMergeCapped(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "log", 3)
	c.kind = "capped"
	c.options = bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 4096}}
	makeBackup(t, r, time.Now(), c)
	for capped, want := range map[bool]int{false: 4, true: 1} {
		srv := mongotest.NewServer()
		client := mongofixture.Connect(t, srv)
		create := bson.D{{Key: "create", Value: "log"}}
		if capped {
			create = append(create, c.options...)
		}
		if err := client.Database("shop").RunCommand(t.Context(), create).Err(); err != nil {
			t.Fatal(err)
		}
		srv.Add("shop", "log", document(t, bson.D{{Key: "_id", Value: "own"}}))
		_, err := Run(t.Context(), view(t, r, "").Restore(client, &RestoreOptions{Merge: true}), 1)
		if capped != errors.Is(err, mongosink.ErrNotRepeatable) || len(srv.Documents("shop", "log")) != want {
			t.Errorf("capped %v: %d documents, %v", capped, len(srv.Documents("shop", "log")), err)
		}
	}
}

// A drop that a server refuses for a moment is repeated. If it refuses for long, the error is one that
// may pass.
func TestRestoreDropRefused(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), weather(t))
	srv := mongotest.NewServer()
	job := view(t, r, "").Restore(mongofixture.Connect(t, srv), nil)
	srv.Inject(mongotest.Fault{Command: "drop", Nth: 1, Code: 189, Text: "primary stepped down"})
	if _, err := Run(t.Context(), job, 1); err != nil {
		t.Error(err)
	}
	srv.Inject(mongotest.Fault{Command: "drop", Close: true})
	if err := job.(Abandoner).Abandon(t.Context()); !stream.ClassOf(err).Transient() {
		t.Errorf("%v (%v)", err, stream.ClassOf(err))
	}
}

// A target is not taken for the prepared collection that has gone.
func TestRestorePreparedGone(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 5)
	makeBackup(t, r, time.Now(), c)
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	job := view(t, r, "").Restore(client, &RestoreOptions{DropTarget: true}).(*restoreJob)
	receipts := prepareShop(t, job)
	if err := job.collection(0).prepared().Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.Add("shop", "orders", c.documents()...)
	if _, err := job.Finish(t.Context(), receipts); !errors.Is(err, ErrNotEqual) {
		t.Errorf("%v", err)
	}
}
