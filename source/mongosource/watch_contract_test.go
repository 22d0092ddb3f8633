package mongosource_test

import (
	"fmt"
	"testing"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestWatchContract(t *testing.T) {
	for _, inline := range []bool{false, true} {
		_, coll := serve(t, nil)
		starts := map[int]mongosource.ChangePosition{}
		watch := func(n int) *mongosource.WatchOptions {
			opts := watching(starts[n])
			opts.BatchSize, opts.NoReadAhead = 3, inline
			return opts
		}
		streamtest.TestSource(t, streamtest.Source[mongosource.Event]{
			New: func(n int) stream.Source[mongosource.Event] {
				of := coll.Database().Collection(fmt.Sprint("of-", n))
				if _, exists := starts[n]; !exists {
					starts[n] = startOf(t, of)
					insert(t, of, 0, n)
				}
				return stream.Via(mongosource.Watch(of, watch(n)), stream.Take[mongosource.Event](n))
			},
			Want: func(t *testing.T, n int, out []mongosource.Event) {
				if len(out) != n {
					t.Errorf("%d events of %d", len(out), n)
				}
				inOrder(t, out, 0)
			},
			Stalled: func() stream.Source[mongosource.Event] {
				return mongosource.Watch(coll.Database().Collection("quiet"), watch(-1))
			},
			Bad: []stream.Source[mongosource.Event]{
				mongosource.Watch(coll, &mongosource.WatchOptions{BatchSize: -1}),
			},
			Records: true,
			RealIO:  true,
			Idle:    []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."},
		})
	}
}
