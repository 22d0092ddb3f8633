package backup

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// weather is a time series whose measurements are as servers give them: with their _id last.
func weather(t *testing.T) madeCollection {
	t.Helper()
	c := madeCollection{
		ns: mongosource.Namespace{Database: "shop", Collection: "weather"}, kind: mongosource.KindTimeSeries,
		options: bson.D{
			{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}, {Key: "metaField", Value: "m"}}},
			{Key: "expireAfterSeconds", Value: int64(3600)},
		},
		segments: [][]bson.Raw{nil},
	}
	for n := range 4 {
		c.segments[0] = append(c.segments[0], document(t, bson.D{
			{Key: "t", Value: bson.DateTime(n)},
			{Key: "m", Value: bson.D{{Key: "b", Value: n}, {Key: "a", Value: bson.A{bson.D{{Key: "x", Value: 1}}}}}},
			{Key: "_id", Value: n},
		}))
	}
	return c
}

// makeSeries makes a time series of an application, with documents.
func makeSeries(t *testing.T, client *mongo.Client, docs int) {
	t.Helper()
	series := bson.D{
		{Key: "create", Value: "weather"},
		{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}}},
	}
	if err := client.Database("shop").RunCommand(t.Context(), series).Err(); err != nil {
		t.Fatal(err)
	}
	for n := range docs {
		if _, err := client.Database("shop").Collection("weather").InsertOne(t.Context(), bson.D{
			{Key: "_id", Value: fmt.Sprint("own", n)}, {Key: "t", Value: bson.DateTime(n)},
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A time series is restored from documents in the order of a server, and gets its time limit last. A
// second run finds it complete.
func TestRestoreSeries(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), weather(t))
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	for i := range 2 {
		report, err := Run(t.Context(), v.Restore(client, nil), 1)
		if err != nil || report.Counts.AlreadyThere != int64(i) || strings.Contains(fmt.Sprint(report.Weaker),
			"only counted") {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	created := srv.Commands("create")
	for _, c := range created {
		if !c.Body.Lookup(expiry).IsZero() {
			t.Errorf("created with a time limit: %s", c.Body)
		}
	}
	if all := names(t, srv); len(all) != 1 || !strings.Contains(all[0], "3600") {
		t.Error(all)
	}
	job := v.Restore(client, nil)
	if _, err := job.Finish(t.Context(), []Receipt{{
		Unit: Unit{Job: "restore " + v.manifest.Run}, Data: []byte("{}"),
	}}); err != nil {
		t.Errorf("the repeated end of a restore: %v", err)
	}
}

// A time series that the restore did not make stays, whatever marks an earlier run has left.
func TestRestoreKeepsOtherSeries(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), weather(t))
	v := view(t, r, "")
	for _, noted := range []bool{false, true} {
		srv := mongotest.NewServer()
		client := mongofixture.Connect(t, srv)
		makeSeries(t, client, 2)
		job := v.Restore(client, nil).(*restoreJob)
		m := job.collection(0).mark()
		if err := m.set(t.Context()); err != nil {
			t.Fatal(err)
		}
		if noted {
			if err := m.note(t.Context(), uuid{1}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Run(t.Context(), job, 1); !errors.Is(err, ErrTargetExists) {
			t.Errorf("%v", err)
		}
		if err := job.Abandon(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(srv.Documents("shop", "weather")); n != 2 || len(names(t, srv)) != 1 {
			t.Errorf("%d documents, %s", n, names(t, srv))
		}
	}
}

// A replacement that fails before the old time series is dropped leaves it, also after Abandon.
func TestRestoreSeriesNotDropped(t *testing.T) {
	r, _ := makeRepository(t)
	c := weather(t)
	makeBackup(t, r, time.Now(), c)
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	makeSeries(t, client, 2)
	srv.Inject(mongotest.Fault{Command: "drop", Code: 13, Text: "not authorized", If: func(c mongotest.Command) bool {
		return c.Body.Lookup("drop").StringValue() == "weather"
	}})
	job := view(t, r, "").Restore(client, &RestoreOptions{DropTarget: true})
	if _, err := Run(t.Context(), job, 1); err == nil {
		t.Fatal("no error")
	}
	srv.Heal()
	if err := job.(Abandoner).Abandon(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Documents("shop", "weather")); n != 2 {
		t.Errorf("%d documents", n)
	}
	if _, err := Run(t.Context(), job, 1); err != nil || len(srv.Documents("shop", "weather")) != 4 {
		t.Error(err)
	}
}

// A time series that is not complete stays marked while its documents may be under way, and is the
// restore's own.
func TestRestoreSeriesLostReply(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), weather(t))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	job := view(t, r, "").Restore(client, nil)
	srv.Inject(mongotest.Fault{Command: "insert", Close: true, If: func(c mongotest.Command) bool {
		return c.Body.Lookup("insert").StringValue() == "weather"
	}})
	opts := &RestoreOptions{}
	opts.Insert.RetryTimeout = time.Millisecond
	failed := view(t, r, "").Restore(client, opts)
	if _, err := Run(t.Context(), failed, 1); err == nil {
		t.Fatal("no error")
	}
	srv.Heal()
	if err := failed.(Abandoner).Abandon(t.Context()); !errors.Is(err, ErrSeriesIncomplete) {
		t.Errorf("%v", err)
	}
	if all := names(t, srv); len(all) != 2 {
		t.Error(all)
	}
	if _, err := Run(t.Context(), job, 1); err != nil || len(names(t, srv)) != 1 {
		t.Error(err)
	}
}

// A capped collection that dropped its oldest documents can be restored again, and one with other
// documents is refused.
func TestRestoreCappedAgain(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "log", 3, 3)
	c.kind = mongosource.KindCapped
	c.options = bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 4096}, {Key: "max", Value: 4}}
	makeBackup(t, r, time.Now(), c)
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	for range 2 {
		report, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1)
		if err != nil || !strings.Contains(fmt.Sprint(report.Weaker), "kept 4 documents of 6") {
			t.Errorf("%q, %v", report.Weaker, err)
		}
	}
	srv.Add("shop", "log", document(t, bson.D{{Key: "_id", Value: "own"}}))
	if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); !errors.Is(err, ErrTargetExists) {
		t.Error(err)
	}
}
