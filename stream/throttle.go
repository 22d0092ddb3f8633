package stream

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Limiter is a rate that stages share: of one pipeline or of many. It may be changed while they run. Its methods may be called by
// any goroutine.
type Limiter struct {
	bad error // of the settings

	mu      sync.Mutex
	rate    float64 // units a second
	burst   float64 // units
	tokens  float64 // units that may pass: up to a burst, or more that the first of those who wait needs
	at      time.Time
	waiting []*turn // in the order in which they came
}

// turn is a call of Wait that waits.
type turn struct {
	units float64
	due   bool          // it has its units, and has left those who wait
	woken chan struct{} // holds one: it is due, has become the first, or the rate is another
}

// NewLimiter returns a limiter of rate units a second, of which burst may pass at once after a pause. A unit is what the stages
// count: elements or bytes. A rate of 0 stops everything until [Limiter.Set] changes it, one of math.Inf(1) limits nothing. A
// negative rate, or a burst of less than 1, is an error of each Wait, and of a run through [Throttle] before it starts anything.
func NewLimiter(rate float64, burst int64) *Limiter {
	l := &Limiter{rate: rate, burst: float64(burst), tokens: float64(burst)}
	switch {
	case !(rate >= 0): // also NaN
		l.bad = invalidError("NewLimiter: a rate of %v; it must not be negative", rate)
	case burst < 1:
		l.bad = invalidError("NewLimiter: a burst of %d; it must be at least 1", burst)
	}
	return l
}

// Set changes the rate, for those who wait too. It panics when the rate is negative.
func (l *Limiter) Set(rate float64) {
	if !(rate >= 0) {
		panic(fmt.Sprintf("stream: Limiter.Set: a rate of %v; it must not be negative", rate))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	l.rate = rate
	l.serve(nil)
}

// Rate returns the rate in units a second.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate
}

// fill adds what has come since the last call.
func (l *Limiter) fill() {
	now := time.Now()
	switch {
	case math.IsInf(l.rate, 1):
		l.tokens = l.burst
	case !l.at.IsZero():
		l.tokens += now.Sub(l.at).Seconds() * l.rate
	}
	if l.at = now; len(l.waiting) == 0 {
		l.tokens = min(l.tokens, l.burst)
	}
}

// pass takes units, if they may pass now.
func (l *Limiter) pass(units float64) bool {
	const grain = 1e-6 // of the clock
	switch {
	case l.rate == 0:
		return false
	case math.IsInf(l.rate, 1):
		return true
	case l.tokens < units-grain:
		return false
	}
	l.tokens = max(l.tokens-units, 0)
	return true
}

// serve lets those pass whose units are there, in their order, and wakes them, and the first of the others, which is to see when its
// own are there, unless it is the caller.
func (l *Limiter) serve(caller *turn) {
	n := 0
	for n < len(l.waiting) && l.pass(l.waiting[n].units) {
		l.waiting[n].due = true
		n++
	}
	for _, t := range l.waiting[:min(n+1, len(l.waiting))] {
		if t == caller {
			continue
		}
		select {
		case t.woken <- struct{}{}:
		default:
		}
	}
	l.waiting = slices.Delete(l.waiting, 0, n)
}

// Wait takes n units and waits until they are due, or returns the cause when ctx is done first, and has taken none then. Those
// who wait are served in the order in which they came. More than a burst may be taken: it is waited for. A negative n counts as 0.
func (l *Limiter) Wait(ctx context.Context, n int64) error {
	switch {
	case l.bad != nil:
		return l.bad
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	units := float64(max(n, 0))
	l.mu.Lock()
	l.fill()
	if len(l.waiting) == 0 && l.pass(units) {
		l.mu.Unlock()
		return nil
	}
	t := &turn{units: units, woken: make(chan struct{}, 1)}
	l.waiting = append(l.waiting, t)
	for !t.due {
		d := l.missing(t)
		l.mu.Unlock()
		err := t.await(ctx, d)
		l.mu.Lock()
		l.fill()
		if err != nil && !t.due {
			l.leave(t)
			l.mu.Unlock()
			return err
		}
		if !t.due && l.waiting[0] == t {
			l.serve(t)
		}
	}
	l.mu.Unlock()
	return nil
}

// missing returns after which time the units of t are there, or 0 where something else comes before.
func (l *Limiter) missing(t *turn) time.Duration {
	if l.rate == 0 || l.waiting[0] != t {
		return 0
	}
	const longest = 1e9 // seconds: a Duration holds that; then it looks again
	return time.Duration(min(max(t.units-l.tokens, 0)/l.rate, longest)*float64(time.Second)) + 1
}

// await waits until t is woken, for d if that is not 0, or until ctx is done.
func (t *turn) await(ctx context.Context, d time.Duration) error {
	var due <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-t.woken:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// leave takes t out of those who wait. What had come for it is for the next one, but not more at once than that one needs or a burst.
func (l *Limiter) leave(t *turn) {
	i := slices.Index(l.waiting, t)
	l.waiting = slices.Delete(l.waiting, i, i+1)
	if i > 0 {
		return
	}
	most := l.burst
	if len(l.waiting) > 0 {
		most = max(most, l.waiting[0].units)
	}
	l.tokens = min(l.tokens, most)
	l.serve(nil)
}

// Throttle returns a flow that waits for l before each element, for as many units as cost tells; a cost of nil counts each
// element as 1, [ByteLen] counts bytes. Fused; it holds no element.
func Throttle[T any](l *Limiter, cost func(T) int) Flow[T, T] {
	if l == nil {
		return invalid[T, T]("Throttle: the limiter is nil")
	}
	if l.bad != nil {
		return failFlow[T, T](l.bad)
	}
	if cost == nil {
		cost = func(T) int { return 1 }
	}
	return fuse(func(ctx context.Context, emit func(T) error) func(T) error {
		return func(v T) error {
			if err := l.Wait(ctx, int64(cost(v))); err != nil {
				return err
			}
			return emit(v)
		}
	})
}
