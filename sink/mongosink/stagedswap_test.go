package mongosink_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Another program takes the name of the staging collection, or of the target, between the last look
// and the server's rename. A server that knows UUIDs in the command refuses it. With another server,
// the run sees it after the rename, and is no success.
func TestReplaceCollectionSwapped(t *testing.T) {
	servers := map[string]func(*mongotest.Server){
		"with UUIDs":    func(*mongotest.Server) {},
		"refusing them": func(srv *mongotest.Server) { srv.RefuseField("collectionUUID") },
		"ignoring them": func(srv *mongotest.Server) {
			srv.RefuseField("collectionUUID")
			srv.IgnoreUnknownFields()
		},
	}
	for name, set := range servers {
		for _, swapped := range []string{"stage", "c"} {
			t.Run(name+", "+swapped, func(t *testing.T) {
				srv := mongotest.NewServer()
				set(srv)
				stranger := mongofixture.Connect(t, srv).Database("shop").Collection(swapped)
				var done atomic.Bool
				coll := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
					o.SetMonitor(&event.CommandMonitor{Started: func(ctx context.Context,
						c *event.CommandStartedEvent,
					) {
						if c.CommandName == "renameCollection" && !done.Swap(true) {
							recreate(t, ctx, stranger)
						}
					}})
				}).Database("shop").Collection("c")
				srv.Add("shop", "c", raw(t, id("old")))
				got, err := stream.Run(t.Context(), source.Slice(numbered(t, 25)),
					mongosink.ReplaceCollection(coll, &mongosink.ReplaceCollectionOptions{
						DropTarget: true, StagingName: "stage", Insert: quick,
					}))
				switch {
				case name == "with UUIDs" && swapped == "stage":
					if !errors.Is(err, mongosink.ErrStagingChanged) || got.Target != mongosink.TargetUnchanged ||
						!equal(srv.Documents("shop", "c"), []bson.Raw{raw(t, id("old"))}) {
						t.Errorf("%+v, %v", got, err)
					}
				case name == "with UUIDs":
					if !errors.Is(err, mongosink.ErrTargetExists) || got.Target != mongosink.TargetUnchanged ||
						!equal(srv.Documents("shop", "c"), []bson.Raw{raw(t, id("stranger"))}) {
						t.Errorf("%+v, %v", got, err)
					}
				case swapped == "stage":
					if !errors.Is(err, mongosink.ErrStagingChanged) || got.Target != mongosink.TargetUnknown {
						t.Errorf("%+v, %v", got, err)
					}
				default: // the other program's collection is the target that the caller let the sink drop
					if err != nil || got.Target != mongosink.TargetReplaced || len(srv.Documents("shop", "c")) != 25 {
						t.Errorf("%+v, %v", got, err)
					}
				}
			})
		}
	}
}

// recreate drops a collection and creates it again, with one document.
func recreate(t *testing.T, ctx context.Context, coll *mongo.Collection) {
	t.Helper()
	if err := coll.Drop(ctx); err != nil {
		t.Error(err)
	}
	if _, err := coll.InsertOne(ctx, id("stranger")); err != nil {
		t.Error(err)
	}
}
