package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A server carries out an insert of a killed process after the next run has dropped the staging
// collection. The insert makes it again, without its options. The run drops it once more.
func TestReplaceCollectionLateInsert(t *testing.T) {
	srv := mongotest.NewServer()
	defer srv.Close()
	docs := numbered(t, 5)
	late := sync.OnceFunc(func() { srv.Add("shop", "stage", numbered(t, 1)...) })
	client := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
		o.SetMonitor(&event.CommandMonitor{Succeeded: func(_ context.Context, c *event.CommandSucceededEvent) {
			if c.CommandName == "drop" {
				late()
			}
		}})
	})
	db := client.Database("shop")
	srv.Add("shop", "stage", numbered(t, 3)...)
	got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.ReplaceCollection(db.Collection("c"),
		&mongosink.ReplaceCollectionOptions{
			StagingName: "stage", Insert: quick,
			Description: describe(t, "c", "collection", e("validator", bson.D{e("_id", bson.D{e("$exists", true)})})),
		}))
	if err != nil || !sameDocs(srv.Documents("shop", "c"), docs) {
		t.Fatalf("%+v, %v: %d documents", got, err, len(srv.Documents("shop", "c")))
	}
	want := []string{`"c" collection {"validator": {"_id": {"$exists": true}}}`}
	if have := listed(t, db); !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}

// The run is canceled while it waits to make the staging collection again. It ends with the cause.
func TestReplaceCollectionCanceledBetweenCreations(t *testing.T) {
	cause := errors.New("enough")
	for _, kind := range []string{"same", "other"} {
		srv := mongotest.NewServer()
		ctx, cancel := context.WithCancelCause(t.Context())
		var dropped atomic.Bool
		client := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
			o.SetMonitor(&event.CommandMonitor{
				Succeeded: func(_ context.Context, c *event.CommandSucceededEvent) {
					switch {
					case c.CommandName == "drop":
						srv.Add("shop", "stage", numbered(t, 1)...)
						dropped.Store(true)
					case c.CommandName == "listCollections" && dropped.Load():
						cancel(cause)
					}
				},
			})
		})
		opts := &mongosink.ReplaceCollectionOptions{StagingName: "stage", Insert: quick}
		if kind == "other" {
			opts.Description = describe(t, "c", "collection",
				e("validator", bson.D{e("_id", bson.D{e("$exists", true)})}))
		}
		_, err := stream.Run(ctx, source.Slice(numbered(t, 5)),
			mongosink.ReplaceCollection(client.Database("shop").Collection("c"), opts))
		if !errors.Is(err, cause) || errors.Is(err, mongosink.ErrTargetExists) {
			t.Errorf("%s options: %v", kind, err)
		}
	}
}
