package mongosource_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// After an early end, the ranges that are being read send no more requests but to close their cursors.
func TestSplitEndsAtOnce(t *testing.T) {
	for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
		srv, coll := serve(t, numbered(t, 100))
		opts := divided(3, 6)
		opts.Order = order
		err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
			for len(srv.Commands("find")) < 3 { // all readers have begun
				time.Sleep(time.Millisecond)
			}
			return errEnough
		})
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		if n := len(srv.Commands("find")); n != 3 {
			t.Errorf("order %d: %d finds", order, n)
		}
		// one before the split, and one before each range
		if n := len(srv.Commands("listCollections")); n != 4 {
			t.Errorf("order %d: the collection was compared %d times", order, n)
		}
		if n := srv.Cursors(); n != 0 {
			t.Errorf("order %d: %d cursors are left", order, n)
		}
	}
}

// A split that is drained while it finds its ranges ends without reading them, and does not wait for
// the server.
func TestSplitDrainsWhilePreparing(t *testing.T) {
	for _, command := range []string{"listCollections", "aggregate", "splitVector", "count"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		srv, coll := serve(t, numbered(t, 100))
		var run *stream.Running[[]bson.Raw]
		started := make(chan struct{})
		srv.Inject(mongotest.Fault{Command: command, Delay: time.Hour, If: func(mongotest.Command) bool {
			<-started
			run.Drain()
			return true
		}})
		opts := divided(2, 6)
		opts.Unmeasured = false
		opts.Report = func(mongosource.SplitReport) { t.Errorf("%s: it reports that it is complete", command) }
		run = stream.Go(ctx, mongosource.Split(coll, bson.D{}, opts), sink.Slice[bson.Raw]())
		close(started)
		if got, err := run.Wait(); err != nil || len(got) > 0 {
			t.Errorf("%s: %d documents, %v", command, len(got), err)
		}
		cancel()
	}
}
