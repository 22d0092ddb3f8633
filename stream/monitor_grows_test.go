package stream_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A stall that a snapshot reported stays reported after it ends, whether the stalled element is
// timed or not.
func TestMonitorTellsOfAStallForGood(t *testing.T) {
	for at := range 40 {
		for _, waits := range []time.Duration{0, 10 * time.Second} { // time before the element
			synctest.Test(t, func(t *testing.T) {
				var s stream.Stats
				src := stream.Via(source.Range(0, 2000, 1), stream.Map(func(n int) int {
					if n == 1500+at {
						time.Sleep(waits)
					}
					return n
				}))
				run := stream.Go(t.Context(), stream.Via(src, stream.Monitor[int](&s)),
					sink.ForEach(func(_ context.Context, n int) error {
						if n == 1500+at {
							time.Sleep(time.Second)
						}
						return nil
					}))
				look := func(d, waited, blocked time.Duration) {
					t.Helper()
					time.Sleep(d)
					synctest.Wait()
					if got := s.Snapshot(); got.Waited != waited || got.Blocked != blocked {
						t.Errorf("stall at %d, after %v: waited %v, not %v, blocked %v, not %v", at, waits, got.Waited,
							waited, got.Blocked, blocked)
					}
				}
				if waits > 0 {
					look(waits-time.Millisecond, waits-time.Millisecond, 0)
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
				time.Sleep(500 * time.Millisecond)
				mid := s.Snapshot()
				if d := mid.Blocked - 500*time.Millisecond; d < 0 || d > time.Millisecond {
					t.Errorf("stall at %d, after %v: half way %v", at, waits, mid.Blocked)
				}
				if _, err := run.Wait(); err != nil {
					t.Error(err)
				}
				if got := s.Snapshot().Blocked - mid.Blocked; got != 500*time.Millisecond && waits == 0 ||
					got < 499*time.Millisecond || got > 500*time.Millisecond {
					t.Errorf("stall at %d, after %v: %v from half way", at, waits, got)
				}
			})
		}
	}
}

// Snapshots that race with runs never report less than earlier ones.
func TestMonitorOnlyGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stream.Stats
		flow := stream.Measure(&s, stream.Map(func(n int) int {
			if n%7 == 0 {
				time.Sleep(time.Duration(n%5) * time.Microsecond)
			}
			return n
		}))
		var runs []*stream.Running[int64]
		for i := range 3 {
			src := stream.Via(source.Range(0, 3000, 1), stream.Map(func(n int) int {
				if n%(11+i) == 0 {
					time.Sleep(time.Duration(n%3) * time.Microsecond)
				}
				return n
			}))
			runs = append(runs, stream.Go(t.Context(), stream.Via(src, flow),
				sink.ForEach(func(_ context.Context, n int) error {
					if n%(5+i) == 0 {
						time.Sleep(time.Duration(n%4) * time.Microsecond)
					}
					return nil
				})))
		}
		var last stream.Snapshot
		for range 2000 {
			time.Sleep(4300 * time.Nanosecond)
			got := s.Snapshot()
			d := got.Since(last)
			if d.Waited < 0 || d.Own < 0 || d.Blocked < 0 || d.Elements < 0 || d.Taken < 0 {
				t.Fatalf("%+v\nafter %+v", got, last)
			}
			last = got
		}
		for _, r := range runs {
			if err := wait(r); err != nil {
				t.Error(err)
			}
		}
	})
}
