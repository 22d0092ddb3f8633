package source_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Ticks come at their period. Those that a slow downstream misses are dropped.
func TestTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		err := stream.Via(source.Tick(time.Second), stream.Take[time.Time](4)).Each(t.Context(),
			func(now time.Time) error {
				at = append(at, now.Sub(began))
				if len(at) == 1 {
					time.Sleep(3500 * time.Millisecond)
				}
				return nil
			})
		if want := []time.Duration{1, 2, 5, 6}; err != nil ||
			!slices.EqualFunc(at, want, func(a, b time.Duration) bool {
				return a == b*time.Second
			}) {
			t.Error(at, err)
		}
	})
}

// If a tick and the cancellation are ready together, the cancellation wins.
func TestTickAfterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			ctx, cancel := context.WithCancelCause(t.Context())
			ticks := 0
			err := source.Tick(time.Second).Each(ctx, func(time.Time) error {
				ticks++
				time.Sleep(time.Minute)
				cancel(errTest)
				return nil
			})
			if err != errTest || ticks != 1 {
				t.Fatal(err, ticks)
			}
		}
	})
}
