package stream_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// If a consumer leaves, the element that waits for room goes to another consumer.
func TestHubConsumerLeavesWhileAwaited(t *testing.T) {
	for name, c := range map[string]struct {
		hub   *stream.Hub[int]
		other bool // another consumer has already joined
		want  []int
	}{
		"partition": {
			stream.NewPartitionHub(1, func(int, int) int { return 0 }),
			true,
			[]int{2, 3, 4, 5},
		},
		"partition, none is left": {
			stream.NewPartitionHub(1, func(int, int) int { return 0 }),
			false,
			[]int{2, 3, 4, 5},
		},
		"broadcast":               {stream.NewBroadcastHub[int](10), true, []int{0, 1, 2, 3, 4, 5}},
		"broadcast, none is left": {stream.NewBroadcastHub[int](1), false, []int{2, 3, 4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leave := make(chan struct{})
				leaving := stream.Go(t.Context(),
					stream.Via2(c.hub.Source(), stream.Until[int](leave), pause(time.Second)), sink.Discard[int]())
				synctest.Wait()
				consume := func() *stream.Running[[]int] {
					return stream.Go(t.Context(), c.hub.Source(), sink.Slice[int]())
				}
				var other *stream.Running[[]int]
				if c.other {
					other = consume()
					synctest.Wait()
				}
				time.AfterFunc(100*time.Millisecond, func() { close(leave) })
				producer := stream.Go(t.Context(), count(6), c.hub)
				time.Sleep(time.Minute)
				if !c.other {
					other = consume()
				}
				if n, err := producer.Wait(); n != 6 || err != nil {
					t.Errorf("sent %d, %v", n, err)
				}
				if n, err := leaving.Wait(); n != 1 || err != nil {
					t.Errorf("the one that left got %d, %v", n, err)
				}
				if got, err := other.Wait(); !slices.Equal(got, c.want) || err != nil {
					t.Errorf("the other got %v, %v", got, err)
				}
			})
		})
	}
}
