package stream

import "time"

// waitEstimator estimates how long its runs have waited for the upstream, and how long the
// downstream has blocked them. It has no clock and no lock.
//
// The time of a run is cut into spans. Each span ends when a sampled element has been accepted.
type waitEstimator struct {
	total, blocked time.Duration // in the spans that have ended
	assumption     struct {
		valid   bool
		blocked time.Duration // blocked time that the last estimate assumed for untimed elements
		at      time.Duration // the time of that estimate
	}
	reported struct{ waited, blocked time.Duration }
}

// openSpans sums up the spans that have not ended.
type openSpans struct {
	runs    int           // runs in progress: each has one open span
	elapsed time.Duration // length of all open spans
	timed   time.Duration // how long timed elements have been blocked
	untimed int           // runs that are blocked by an element that is not timed
}

// addTimed adds a span that ended with a timed element. The element was blocked for blocked, and
// stands for weight elements.
func (e *waitEstimator) addTimed(span, blocked time.Duration, weight int64) {
	e.add(span, blocked*time.Duration(weight))
}

// addUntimed adds a span that ended at now with an element that is not timed. If the last estimate
// assumed how long that element had been blocked, the assumption becomes final.
func (e *waitEstimator) addUntimed(span, now time.Duration) {
	var blocked time.Duration
	if a := e.assumption; a.valid {
		blocked = a.blocked + max(now-a.at, 0)
	}
	e.add(span, blocked)
}

// addWait adds a span that ended without an element.
func (e *waitEstimator) addWait(span time.Duration) { e.add(span, 0) }

func (e *waitEstimator) add(span, blocked time.Duration) {
	e.total += span
	e.blocked += blocked
	e.assumption.valid = false
}

// estimate returns the times up to now. They never decrease. If an untimed element blocks a run,
// estimate assumes that the run has been blocked during its whole open span.
func (e *waitEstimator) estimate(now time.Duration, open openSpans) (waited, blocked time.Duration) {
	known := e.blocked + open.timed
	blocked = known
	if open.untimed > 0 {
		blocked += open.elapsed / time.Duration(open.runs) * time.Duration(open.untimed)
	}
	last := &e.reported
	total := max(e.total+open.elapsed, last.waited+last.blocked)
	blocked = min(max(blocked, last.blocked), total-last.waited)
	if open.untimed > 0 {
		a := &e.assumption
		a.valid, a.blocked, a.at = true, blocked-known, now
	}
	last.waited, last.blocked = total-blocked, blocked
	return last.waited, last.blocked
}
