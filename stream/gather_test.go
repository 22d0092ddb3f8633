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

// upTo returns 0..n-1.
func upTo(n int) (vs []int) {
	for i := range n {
		vs = append(vs, i)
	}
	return vs
}

// A time limit applies even if an element is always waiting.
func TestGatherInTimeWhileElementsWait(t *testing.T) {
	const each, within, elements = 10 * time.Millisecond, 95 * time.Millisecond, 100
	slow := func(int) int { time.Sleep(each); return 1 }
	add := func(s []int, v int) ([]int, bool, error) {
		slow(v)
		return append(s, v), false, nil
	}
	whole := func(s []int) []int { return s }
	for name, flow := range map[string]stream.Flow[int, []int]{
		"Aggregate":        stream.Aggregate(func() []int { return nil }, add, whole, within),
		"BatchBytesWithin": stream.BatchBytesWithin(elements, within, slow),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := time.Now()
				var got []int
				_, err := stream.Run(t.Context(), stream.Via(source.Range(0, elements, 1), flow),
					sink.ForEach(func(_ context.Context, vs []int) error {
						// From the first element until the time limit, which the stage checks after
						// an element.
						if d := time.Since(last); d > each+within+each {
							t.Errorf("%d elements after %v", len(vs), d)
						}
						last = time.Now()
						got = append(got, vs...)
						return nil
					}))
				if err != nil || !slices.Equal(got, upTo(elements)) {
					t.Errorf("%v, %v", got, err)
				}
			})
		})
	}
}

// The element that does not fit into a full batch starts a new time limit.
func TestGatherBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		sizes := source.Of(6, 6, 1, 1, 1, 1)
		size := func(n int) int { time.Sleep(time.Second); return n }
		_, err := stream.Run(t.Context(), stream.Via(sizes, stream.BatchBytesWithin(10, 2500*time.Millisecond, size)),
			sink.ForEach(func(context.Context, []int) error {
				at = append(at, time.Since(began))
				return nil
			}))
		// The second batch begins after 2 s, when the first leaves. Its time is up after 4.5 s.
		if want := []time.Duration{2 * time.Second, 5 * time.Second, 6 * time.Second}; err != nil ||
			!slices.Equal(at, want) {
			t.Errorf("%v, %v", at, err)
		}
	})
}
