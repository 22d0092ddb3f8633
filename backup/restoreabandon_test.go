package backup

import (
	"context"
	"errors"
	"slices"
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

// A merge that made its target and was killed before its indexes were there creates them when it is
// run again, also after Abandon, and leaves nothing else.
func TestRestoreMergeKilled(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 5)
	c.indexes = []bson.D{{
		{Key: "v", Value: 2},
		{Key: "key", Value: bson.D{{Key: "at", Value: 1}}},
		{Key: "name", Value: "at_1"},
		{Key: expiry, Value: 60},
	}}
	makeBackup(t, r, time.Now(), c)
	for _, abandon := range []bool{false, true} {
		srv := mongotest.NewServer()
		client := mongofixture.Connect(t, srv)
		ctx, kill := context.WithCancel(t.Context())
		srv.Inject(mongotest.Fault{Command: "createIndexes", Close: true, If: func(mongotest.Command) bool {
			kill()
			return true
		}})
		opts := &RestoreOptions{Merge: true}
		job := view(t, r, "").Restore(client, opts)
		if _, err := Run(ctx, job, 1); err == nil || len(srv.Documents("shop", "orders")) != 5 {
			t.Fatal(err)
		}
		srv.Heal()
		if abandon {
			if err := job.(Abandoner).Abandon(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Run(t.Context(), view(t, r, "").Restore(client, opts), 1); err != nil {
			t.Fatal(err)
		}
		found, err := stream.Run(t.Context(), mongosource.Indexes(client.Database("shop").Collection("orders")),
			sink.Slice[bson.Raw]())
		if err != nil || len(found) != 2 {
			t.Errorf("%d indexes, %v", len(found), err)
		}
		if all := names(t, srv); len(all) != 1 {
			t.Error(all)
		}
	}
}

// A restore that is cancelled at any command of Finish, and then abandoned, leaves nothing that it
// prepared. What is visible is complete, except for a time series, which Abandon names.
func TestRestoreAbandonedWhileItFinishes(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	for _, opts := range []*RestoreOptions{nil, {Merge: true}, {DropTarget: true}} {
		reported := 0
		for n, more := int64(1), true; more; n++ {
			for _, applied := range []bool{false, true} {
				srv := mongotest.NewServer()
				job := v.Restore(mongofixture.Connect(t, srv), opts)
				receipts := prepareShop(t, job)
				ctx, kill := context.WithCancel(t.Context())
				killed := killAtChange(srv, n, applied, kill)
				_, err := job.Finish(ctx, receipts)
				if more = killed(); more != (err != nil) {
					t.Fatalf("change %d: %v", n, err)
				}
				if !more {
					break
				}
				srv.Heal()
				err = job.(Abandoner).Abandon(t.Context())
				checkVisible(t, srv, collections)
				left := slices.ContainsFunc(names(t, srv), func(name string) bool {
					name, _, _ = strings.Cut(name, " ")
					mark := opts != nil && opts.Merge && strings.HasSuffix(name, laterSuffix)
					return strings.Contains(name, preparedPrefix) && !mark
				})
				switch {
				case errors.Is(err, ErrSeriesIncomplete):
					reported++
				case err != nil || left:
					t.Errorf("%+v, change %d, applied %v: %v; %s", opts, n, applied, err, names(t, srv))
				}
				if _, err := Run(t.Context(), v.Restore(mongofixture.Connect(t, srv), opts), 1); err != nil {
					t.Errorf("%+v, change %d, applied %v, run again: %v", opts, n, applied, err)
				}
				checkShop(t, srv, collections)
				if all := names(t, srv); len(all) != len(collections) {
					t.Errorf("%+v, change %d, applied %v, run again: %s", opts, n, applied, all)
				}
			}
		}
		if reported == 0 {
			t.Errorf("%+v: Abandon never reported a time series that is not complete", opts)
		}
	}
}
