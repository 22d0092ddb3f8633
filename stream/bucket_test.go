package stream

import (
	"testing"
	"time"
)

// TestBucketCredit simulates timers that fire late. The units that accrue during the delay pass
// once, and do not add to the burst after a pause.
func TestBucketCredit(t *testing.T) {
	const ms = time.Millisecond
	start := time.Unix(1, 0)
	fresh := func() *bucket {
		b := &bucket{rate: 1000, burst: 2, tokens: 2}
		b.fill(start)
		b.pass(2)
		return b
	}
	passes := func(b *bucket) (n int) {
		for b.pass(1) {
			n++
		}
		return n
	}
	for name, tt := range map[string]struct {
		do   func(b *bucket)
		want int
	}{
		"a pause":                  {func(b *bucket) { b.fill(start.Add(50 * ms)) }, 2},
		"a wait that ends in time": {func(b *bucket) { b.fillAwaited(start.Add(ms)) }, 1},
		"a wait that ends late": {func(b *bucket) {
			b.fillAwaited(start.Add(10 * ms))
			b.late(9 * ms)
			b.fill(start.Add(10 * ms)) // the next caller
		}, 10},
		"the late units are not lost while the caller works": {func(b *bucket) {
			b.fillAwaited(start.Add(10 * ms))
			b.late(9 * ms)
			b.pass(1)
			b.fill(start.Add(15 * ms))
		}, 9},
		"nor do they grow": {func(b *bucket) {
			b.fillAwaited(start.Add(10 * ms))
			b.late(9 * ms)
			for i := range time.Duration(50) {
				b.fill(start.Add((11 + i) * ms))
			}
		}, 10},
		"a pause after a wait that ends late": {func(b *bucket) {
			b.fillAwaited(start.Add(10 * ms))
			b.late(9 * ms)
			b.fill(start.Add(111 * ms))
		}, 2},
		"the credit is used once": {func(b *bucket) {
			b.fillAwaited(start.Add(10 * ms))
			b.late(9 * ms)
			b.fill(start.Add(10 * ms))
			passes(b)
			b.fill(start.Add(60 * ms))
		}, 2},
		"a machine that slept for an hour": {func(b *bucket) {
			b.fillAwaited(start.Add(time.Hour))
			b.late(time.Hour - ms)
			b.fill(start.Add(time.Hour))
		}, 102},
	} {
		b := fresh()
		tt.do(b)
		if got := passes(b); got != tt.want {
			t.Errorf("%s: %d units pass, want %d", name, got, tt.want)
		}
	}
}
