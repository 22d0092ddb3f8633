package mongosource_test

import (
	"errors"
	"testing"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A stream that is opened again asks for as many events as it has learned to. With a budget, it begins
// with few.
func TestWatchBatchSizes(t *testing.T) {
	for _, budget := range []bool{false, true} {
		srv, coll := serve(t, nil)
		opts := watching(startOf(t, coll))
		opts.ReopenAfter = -1
		insert(t, coll, 0, 300)
		ctx, first := t.Context(), int64(1000)
		if budget {
			ctx, first = stream.WithBudget(ctx, stream.NewBudget(batchCost)), 100
		}
		opened := len(srv.Commands("aggregate"))
		n := 0
		err := mongosource.Watch(coll, opts).Each(ctx, func(mongosource.Event) error {
			if n++; n == 1 {
				insert(t, coll, 300, 301)
			}
			if n == 301 {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		var sizes []int64
		for _, c := range srv.Commands("aggregate")[opened:] {
			sizes = append(sizes, c.Body.Lookup("cursor", "batchSize").AsInt64())
		}
		if sizes[0] != first {
			t.Errorf("budget %v: the first batch has %d events", budget, sizes[0])
		}
		if sizes[1] < 1002 {
			t.Errorf("budget %v: the second batch has %d events", budget, sizes[1])
		}
	}
}
