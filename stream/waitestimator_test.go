package stream

import (
	"testing"
	"time"
)

// The table feeds the estimator spans and reads the estimate after each.
func TestWaitEstimator(t *testing.T) {
	type step struct {
		feed            func(*waitEstimator)
		now             time.Duration
		open            openSpans
		waited, blocked time.Duration
	}
	timed := func(span, blocked time.Duration, weight int64) func(*waitEstimator) {
		return func(e *waitEstimator) { e.addTimed(span, blocked, weight) }
	}
	untimed := func(span, now time.Duration) func(*waitEstimator) {
		return func(e *waitEstimator) { e.addUntimed(span, now) }
	}
	wait := func(span time.Duration) func(*waitEstimator) {
		return func(e *waitEstimator) { e.addWait(span) }
	}
	none := func(*waitEstimator) {}
	for name, steps := range map[string][]step{
		"nothing":         {{feed: none}},
		"a timed element": {{feed: timed(10, 3, 1), now: 10, waited: 7, blocked: 3}},
		"a timed element for four": {
			{feed: timed(10, 2, 4), now: 10, waited: 2, blocked: 8},
		},
		"no more blocked time than there is": {
			{feed: timed(10, 5, 4), now: 10, waited: 0, blocked: 10},
		},
		"a run that waits": {
			{feed: none, now: 5, open: openSpans{runs: 1, elapsed: 5}, waited: 5},
			{feed: wait(9), now: 9, waited: 9},
		},
		"a timed element in progress": {
			{feed: none, now: 10, open: openSpans{runs: 1, elapsed: 10, timed: 4}, waited: 6, blocked: 4},
			{feed: timed(20, 14, 1), now: 20, waited: 6, blocked: 14},
		},
		"an untimed element that no estimate saw": {
			{feed: untimed(20, 20), now: 20, waited: 20},
		},
		"an untimed element in progress": {
			{feed: none, now: 10, open: openSpans{runs: 1, elapsed: 10, untimed: 1}, blocked: 10},
			{feed: none, now: 15, open: openSpans{runs: 1, elapsed: 15, untimed: 1}, blocked: 15},
			{feed: untimed(20, 20), now: 20, blocked: 20},
		},
		"an assumption counts once": {
			{feed: none, now: 10, open: openSpans{runs: 2, elapsed: 20, untimed: 1}, waited: 10, blocked: 10},
			{feed: untimed(20, 20), now: 20, open: openSpans{runs: 1, elapsed: 20}, waited: 20, blocked: 20},
			{feed: untimed(30, 30), now: 30, waited: 30, blocked: 20},
		},
		"a wait that was reported stays reported": {
			{feed: none, now: 10, open: openSpans{runs: 1, elapsed: 10}, waited: 10},
			{feed: timed(12, 12, 1), now: 12, waited: 10, blocked: 2},
		},
		"a blocked time that was reported stays reported": {
			{feed: none, now: 10, open: openSpans{runs: 1, elapsed: 10, untimed: 1}, blocked: 10},
			{feed: wait(12), now: 12, waited: 2, blocked: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var e waitEstimator
			for i, s := range steps {
				s.feed(&e)
				if waited, blocked := e.estimate(s.now, s.open); waited != s.waited || blocked != s.blocked {
					t.Errorf("step %d: waited %d and blocked %d, want %d and %d", i, waited, blocked, s.waited,
						s.blocked)
				}
			}
		})
	}
}

// The distance between timed elements follows from the time that an element takes.
func TestSampler(t *testing.T) {
	for each, most := range map[time.Duration]int64{
		0:                        2*maxStride - 1,
		100:                      2*maxStride - 1,
		sampledBelow / maxStride: 2*maxStride - 1,
		sampledBelow / 4:         7,
		sampledBelow - 1:         1,
		sampledBelow:             1,
		time.Hour:                1,
	} {
		s := newSampler()
		var sum, longest int64
		const samples = 2000
		for range samples {
			s.next(each * time.Duration(s.distance))
			if s.distance < 1 || s.untilNext != s.distance {
				t.Fatalf("%v an element: %+v", each, s)
			}
			sum += s.distance
			longest = max(longest, s.distance)
		}
		if longest > most {
			t.Errorf("%v an element: a distance of %d, want at most %d", each, longest, most)
		}
		if stride, mean := (most+1)/2, sum/samples; mean < stride-2 || mean > stride+2 {
			t.Errorf("%v an element: %d elements a sample on average, want about %d", each, mean, stride)
		}
	}
}
