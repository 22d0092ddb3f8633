package backup

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// prepareShop does the units of a restore.
func prepareShop(t *testing.T, job Job) []Receipt {
	t.Helper()
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := doAll(t, job, units)
	if err != nil {
		t.Fatal(err)
	}
	return receipts
}

// A rename that a majority does not confirm is no success, and a repetition waits for the majority.
func TestRestoreRenameUnconfirmed(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	srv := mongotest.NewServer()
	job := view(t, r, "").Restore(mongofixture.Connect(t, srv), nil)
	receipts := prepareShop(t, job)
	unconfirmed := document(t, bson.D{{Key: "ok", Value: 1}, {Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"},
	}}})
	srv.Inject(mongotest.Fault{Command: "renameCollection", Reply: unconfirmed})
	if _, err := job.Finish(t.Context(), receipts); stream.ClassOf(err) != stream.UnknownOutcome {
		t.Errorf("%v", err)
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{Command: "collMod", Reply: unconfirmed})
	if _, err := job.Finish(t.Context(), receipts); err == nil {
		t.Error("no majority, and no error")
	}
	srv.Heal()
	if _, err := job.Finish(t.Context(), receipts); err != nil {
		t.Error(err)
	}
}

// Finish reports no success for a target that vanished or changed since its unit was done.
func TestRestoreFinishLooks(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 5)
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	t.Run("present and changed", func(t *testing.T) {
		srv := mongotest.NewServer()
		srv.Add("shop", "orders", c.documents()...)
		job := v.Restore(mongofixture.Connect(t, srv), nil)
		receipts := prepareShop(t, job)
		srv.Add("shop", "orders", document(t, bson.D{{Key: "_id", Value: "own"}}))
		if _, err := job.Finish(t.Context(), receipts); !errors.Is(err, ErrTargetExists) {
			t.Error(err)
		}
	})
	t.Run("present and dropped", func(t *testing.T) {
		srv := mongotest.NewServer()
		srv.Add("shop", "orders", c.documents()...)
		client := mongofixture.Connect(t, srv)
		job := v.Restore(client, nil)
		receipts := prepareShop(t, job)
		if err := client.Database("shop").Collection("orders").Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := job.Finish(t.Context(), receipts); err == nil {
			t.Error("no error")
		}
	})
	t.Run("prepared and gone", func(t *testing.T) {
		client := mongofixture.Connect(t, mongotest.NewServer())
		job := v.Restore(client, nil).(*restoreJob)
		all, err := job.prepared(prepareShop(t, job))
		if err != nil {
			t.Fatal(err)
		}
		if err := job.collection(0).prepared().Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := all[0].publish(t.Context()); !errors.Is(err, ErrNotEqual) {
			t.Error(err)
		}
		if err := all[0].confirm(t.Context()); !errors.Is(err, ErrNotEqual) {
			t.Error(err)
		}
	})
}

// clustered is a clustered collection whose documents expire.
func clustered(t *testing.T) madeCollection {
	t.Helper()
	c := plainCollection(t, "shop", "sessions", 5)
	c.kind = mongosource.KindClustered
	c.options = bson.D{
		{Key: "clusteredIndex", Value: bson.D{
			{Key: "v", Value: 2},
			{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}},
			{Key: "name", Value: "_id_"},
			{Key: "unique", Value: true},
		}},
		{Key: expiry, Value: int64(3600)},
	}
	return c
}

// A clustered collection gets its time limit also if the restore was killed before it was set. A refusal
// names its cause, and another error is no refusal.
func TestRestoreClusteredAgain(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), clustered(t))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	ctx, kill := context.WithCancel(t.Context())
	srv.Inject(mongotest.Fault{Command: "collMod", Close: true, If: func(mongotest.Command) bool {
		kill()
		return true
	}})
	if _, err := Run(ctx, view(t, r, "").Restore(client, nil), 1); err == nil || errors.Is(err, ErrMetadata) {
		t.Errorf("%v", err)
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{Command: "collMod", Code: 13, Text: "no right to do this"})
	if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); !errors.Is(err, ErrMetadata) ||
		!strings.Contains(err.Error(), "no right to do this") {
		t.Errorf("%v", err)
	}
	srv.Heal()
	for range 2 {
		if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); err != nil {
			t.Error(err)
		}
	}
	if all := names(t, srv); len(all) != 1 || !strings.Contains(all[0], "3600") {
		t.Error(all)
	}
}

// A restore does not publish what another one, with other options, has prepared under the same name.
func TestRestorePublishesItsOwn(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	part := &RestoreOptions{From: int32(2)}
	for name, opts := range map[string][2]*RestoreOptions{
		"all, then a part": {nil, part},
		"a part, then all": {part, nil},
	} {
		srv := mongotest.NewServer()
		client := mongofixture.Connect(t, srv)
		first, second := view(t, r, "").Restore(client, opts[0]), view(t, r, "").Restore(client, opts[1])
		receipts := prepareShop(t, first)
		others := prepareShop(t, second)
		if _, err := first.Finish(t.Context(), receipts); !errors.Is(err, ErrNotEqual) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(srv.Documents("shop", "orders")); n > 0 {
			t.Errorf("%s: %d documents are visible", name, n)
		}
		if _, err := second.Finish(t.Context(), others); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name that a view or a time series has, and a view that is another one, are refused before anything
// is visible. With DropTarget, a view is replaced.
func TestRestoreViewsInTheWay(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), shop(t)...)
	v := view(t, r, "")
	for name, test := range map[string]struct {
		existing bson.D
		opts     RestoreOptions
		want     error
	}{
		"a view for a collection": {
			bson.D{{Key: "create", Value: "orders"}, {Key: "viewOn", Value: "x"}, {Key: "pipeline", Value: bson.A{}}},
			RestoreOptions{DropTarget: true},
			ErrTargetExists,
		},
		"a time series for a collection": {
			bson.D{
				{Key: "create", Value: "orders"},
				{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}}},
			},
			RestoreOptions{DropTarget: true},
			ErrTargetExists,
		},
		"another view": {
			bson.D{{Key: "create", Value: "seen"}, {Key: "viewOn", Value: "x"}, {Key: "pipeline", Value: bson.A{}}},
			RestoreOptions{},
			ErrTargetExists,
		},
		"a collection for a view": {bson.D{{Key: "create", Value: "seen"}}, RestoreOptions{}, ErrTargetExists},
		"another view is replaced": {
			bson.D{{Key: "create", Value: "seen"}, {Key: "viewOn", Value: "x"}, {Key: "pipeline", Value: bson.A{}}},
			RestoreOptions{DropTarget: true},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := mongotest.NewServer()
			client := mongofixture.Connect(t, srv)
			if err := client.Database("shop").RunCommand(t.Context(), test.existing).Err(); err != nil {
				t.Fatal(err)
			}
			job := v.Restore(client, &test.opts)
			_, err := Run(t.Context(), job, 1)
			if !errors.Is(err, test.want) {
				t.Errorf("%v", err)
			}
			if err := job.(Abandoner).Abandon(t.Context()); err != nil {
				t.Error(err)
			}
			if all := names(t, srv); test.want != nil && len(all) != 1 {
				t.Errorf("visible: %s", all)
			} else if test.want == nil && !strings.Contains(strings.Join(all, " "), `"viewOn": "orders"`) {
				t.Errorf("the view was not replaced: %s", all)
			}
		})
	}
}

// The parts of a backup are few and complete, whatever its manifest says.
func TestPartsBounded(t *testing.T) {
	for _, segments := range []int64{0, 1, 31, 32, 33, 64 * 32, 64*32 + 1, 1 << 40, math.MaxInt64 - 1, math.MaxInt64} {
		m := &Manifest{Collections: []CollectionEntry{{Segments: segments}}}
		all, at := m.parts(), int64(0)
		for _, p := range all {
			if p.first != at || p.next < p.first || p.next == p.first && segments > 0 {
				t.Fatalf("%d segments: %+v", segments, p)
			}
			at = p.next
		}
		if len(all) > maxParts || at != segments {
			t.Errorf("%d segments: %d parts up to %d", segments, len(all), at)
		}
	}
	if s := (Segment{
		Object: repositoryKey, Length: 1, Run: newName(time.Now()),
		Tally: newTally().result(),
	}); s.check() == nil {
		t.Error("a segment in " + repositoryKey)
	}
}

// Users, and collections without a UUID, are in no order of _ids: two sound backups differ in content.
func TestDiffWithoutOrder(t *testing.T) {
	r, _ := makeRepository(t)
	users := withUsers(t)
	doc := func(id string, n int) bson.Raw {
		return document(t, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: n}})
	}
	users.segments = [][]bson.Raw{{doc("b", 1), doc("a", 1)}}
	first := view(t, r, makeBackup(t, r, time.Now(), users))
	users.segments = [][]bson.Raw{{doc("b", 2), doc("a", 1)}}
	second := view(t, r, makeBackup(t, r, time.Now().Add(time.Minute), users))
	all, err := stream.Run(t.Context(), first.Diff(second, nil), sink.Slice[Difference]())
	if err != nil || len(all) != 1 || all[0].Kind != ContentDiffers {
		t.Errorf("%+v, %v", all, err)
	}
}
