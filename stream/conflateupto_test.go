package stream_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Each sum costs at most max, whatever the previous sums cost.
func TestConflateUpToCostsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cost := func(n int) int64 { return int64(n) }
		seed := func(n int) []int { return []int{n} }
		add := func(all []int, n int) []int { return append(all, n) }
		src := stream.Concat(source.Of(1),
			stream.Via(source.Of(2, 2, 1, 3, 3, 9, 1, 4, 5), stream.InitialDelay[int](time.Millisecond)))
		slow := stream.TryMap(
			func(_ context.Context, v []int) ([]int, error) { time.Sleep(time.Second); return v, nil })
		got, err := stream.Run(t.Context(), stream.Via(src, stream.Then(stream.ConflateUpTo(5, cost, seed, add), slow)),
			sink.Slice[[]int]())
		want := [][]int{{1}, {2, 2, 1}, {3}, {3}, {9}, {1, 4}, {5}}
		if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	})
}
