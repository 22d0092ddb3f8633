package stream_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A function that yields forever is stopped when the next element comes, and when the upstream ends
// or fails.
func TestExpandOfAnEndlessFunction(t *testing.T) {
	for _, end := range []error{nil, errBoom} {
		synctest.Test(t, func(t *testing.T) {
			src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
				for n := range 2 {
					if err := emit(n); err != nil {
						return err
					}
					time.Sleep(time.Second)
				}
				return end
			})
			forever := func(n int) iter.Seq[int] {
				return func(yield func(int) bool) {
					for yield(n) {
						time.Sleep(100*time.Millisecond + time.Nanosecond)
					}
				}
			}
			var got [2]int
			_, err := stream.Run(t.Context(), stream.Via(src, stream.Expand(forever)),
				sink.ForEach(func(_ context.Context, n int) error {
					if got[n]++; got[n] == 100 {
						return errors.New("the upstream has gone on long ago")
					}
					return nil
				}))
			if !errors.Is(err, end) || got[0] < 9 || got[0] > 12 || got[1] < 9 || got[1] > 12 {
				t.Errorf("%d of the first element, %d of the second, %v", got[0], got[1], err)
			}
		})
	}
}
