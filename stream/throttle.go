package stream

import (
	"context"
	"sync"
	"time"
)

// Limiter is a rate that stages share: of one pipeline or of many. It may be changed while they run. Its methods may be called by
// any goroutine.
type Limiter struct {
	mu      sync.Mutex
	rate    float64 // units a second
	burst   float64 // units
	tokens  float64 // negative: a debt that those who wait pay off
	at      time.Time
	changed chan struct{} // closed when the rate changes
}

// NewLimiter returns a limiter of rate units a second, of which burst may pass at once after a pause. A unit is what the stages
// count: elements or bytes. A rate that is not positive stops everything until [Limiter.Set] changes it.
func NewLimiter(rate float64, burst int64) *Limiter {
	return &Limiter{rate: rate, burst: float64(max(burst, 1)), tokens: float64(max(burst, 1)), changed: make(chan struct{})}
}

// Set changes the rate, for those who wait too.
func (l *Limiter) Set(rate float64) {
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
	if !l.at.IsZero() && l.rate > 0 {
		l.tokens = min(l.burst, l.tokens+now.Sub(l.at).Seconds()*l.rate)
	}
	l.at = now
}

// Wait takes n units and waits until they are due, or returns the cause when ctx is done first; the units are given back then.
// More than a burst may be taken: it is waited for.
func (l *Limiter) Wait(ctx context.Context, n int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	l.fill()
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
