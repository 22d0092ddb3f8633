package stream

import (
	"context"
	"fmt"
	"math"
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
	tokens  float64 // negative: a debt that those who wait pay off
	at      time.Time
	changed chan struct{} // closed when the rate changes
}

// NewLimiter returns a limiter of rate units a second, of which burst may pass at once after a pause. A unit is what the stages
// count: elements or bytes. A rate of 0 stops everything until [Limiter.Set] changes it, one of math.Inf(1) limits nothing. A
// negative rate, or a burst of less than 1, is an error of each Wait, and of a run through [Throttle] before it starts anything.
func NewLimiter(rate float64, burst int64) *Limiter {
	l := &Limiter{rate: rate, burst: float64(burst), tokens: float64(burst), changed: make(chan struct{})}
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
	close(l.changed)
	l.changed = make(chan struct{})
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
		l.tokens = min(l.burst, l.tokens+now.Sub(l.at).Seconds()*l.rate)
	}
	l.at = now
}

// Wait takes n units and waits until they are due, or returns the cause when ctx is done first; the units are given back then.
// More than a burst may be taken: it is waited for. A negative n counts as 0.
func (l *Limiter) Wait(ctx context.Context, n int64) error {
	n = max(n, 0)
	switch {
	case l.bad != nil:
		return l.bad
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	l.mu.Lock()
	l.fill()
	if math.IsInf(l.rate, 1) {
		l.mu.Unlock()
		return nil
	}
	l.tokens -= float64(n)
	mine := l.tokens // due when the debt that was there with mine is paid
	began, changed, rate := l.at, l.changed, l.rate
	l.mu.Unlock()
	for mine < 0 {
		err := l.await(ctx, mine, rate, changed)
		l.mu.Lock()
		if err != nil {
			l.tokens += float64(n)
			l.mu.Unlock()
			return err
		}
		l.fill()
		if rate > 0 {
			mine += l.at.Sub(began).Seconds() * rate
		}
		began, changed, rate = l.at, l.changed, l.rate
		l.mu.Unlock()
		if mine > -1e-6 { // the clock's grain
			return nil
		}
	}
	return nil
}

// await waits until a debt of -mine is paid at rate, or until the rate changes.
func (l *Limiter) await(ctx context.Context, mine, rate float64, changed <-chan struct{}) error {
	var due <-chan time.Time
	if rate > 0 {
		timer := time.NewTimer(time.Duration(-mine/rate*float64(time.Second)) + 1)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
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
