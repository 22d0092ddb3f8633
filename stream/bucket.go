package stream

import (
	"math"
	"time"
)

// forgiven is the longest timer delay that earns full credit.
const forgiven = 100 * time.Millisecond

// bucket is the token bucket of a [Limiter]. Its methods take the current time as a parameter, so
// that tests need no clock.
type bucket struct {
	rate   float64 // units a second
	burst  float64 // units
	tokens float64 // units that may pass
	credit float64 // units above burst that remain because a timer was late
	at     time.Time
}

// fill adds the units that have accrued since the last fill, for which no call has waited. It keeps
// at most a burst and the credit.
func (b *bucket) fill(now time.Time) {
	elapsed := b.advance(now)
	if math.IsInf(b.rate, 1) {
		b.tokens, b.credit = b.burst, 0
		return
	}
	b.credit = min(b.credit, max(b.tokens-b.burst, 0)) // spend the credit on units that have passed
	if elapsed > forgiven {                            // after a pause, only a burst may pass
		b.credit = 0
	}
	b.tokens = min(b.tokens+elapsed.Seconds()*b.rate, b.burst+b.credit)
}

// fillAwaited adds the units that have accrued since the last fill, for which a call has waited.
func (b *bucket) fillAwaited(now time.Time) {
	elapsed := b.advance(now)
	if math.IsInf(b.rate, 1) {
		b.tokens, b.credit = b.burst, 0
		return
	}
	b.tokens += elapsed.Seconds() * b.rate
}

// advance sets the time of the last fill, and returns the time since the one before.
func (b *bucket) advance(now time.Time) time.Duration {
	if b.at.IsZero() {
		b.at = now
	}
	elapsed := now.Sub(b.at)
	b.at = now
	return elapsed
}

// late grants credit for the units that accrued while a timer was d late. Without it, a limiter
// with a small burst would deliver less than its rate.
func (b *bucket) late(d time.Duration) {
	if d > 0 && !math.IsInf(b.rate, 1) {
		b.credit = min(d, forgiven).Seconds() * b.rate
	}
}

// pass takes units if they may pass now, and reports whether it did.
func (b *bucket) pass(units float64) bool {
	const grain = 1e-6 // of the clock
	switch {
	case b.rate == 0:
		return false
	case math.IsInf(b.rate, 1):
		return true
	case b.tokens < units-grain:
		return false
	}
	b.tokens = max(b.tokens-units, 0)
	return true
}

// missing returns the time until units may pass. The rate must not be 0.
func (b *bucket) missing(units float64) time.Duration {
	const longest = 1e9 // seconds: fits into a Duration; after it, the caller checks again
	return time.Duration(min(max(units-b.tokens, 0)/b.rate, longest)*float64(time.Second)) + 1
}
