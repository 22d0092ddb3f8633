package stream

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Limiter is a rate limit that stages of one or of many pipelines share. It is safe for concurrent
// use, and its rate may change while they run.
type Limiter struct {
	bad error // error of the settings

	mu      sync.Mutex
	bucket  bucket
	waiting list.List // of *turn, in order of arrival
}

// turn is a waiting call of Wait.
type turn struct {
	units float64
	at    *list.Element // in waiting
	due   bool          // it has its units and is no longer in waiting
	woken chan struct{} // capacity 1: the turn is due, became the first, or the rate changed
}

// NewLimiter returns a limiter of rate units a second. After a pause, burst units may pass at once.
// A unit is what the stages count: elements or bytes. A rate of 0 blocks everything until
// [Limiter.Set] changes it; math.Inf(1) limits nothing. With a negative rate, or a burst of less
// than 1, each Wait fails, and so does a run with [Throttle], before it starts anything.
//
// Timers are often late. The units that accrue during a delay of up to 100 ms still pass, so that
// the limiter reaches its rate with any burst.
func NewLimiter(rate float64, burst int64) *Limiter {
	l := &Limiter{bucket: bucket{rate: rate, burst: float64(burst), tokens: float64(burst)}}
	switch {
	case !(rate >= 0): // true for NaN too
		l.bad = invalidError("NewLimiter: a rate of %v; it must not be negative", rate)
	case burst < 1:
		l.bad = invalidError("NewLimiter: a burst of %d; it must be at least 1", burst)
	}
	return l
}

// Set changes the rate, for waiting calls too. It panics if rate is negative.
func (l *Limiter) Set(rate float64) {
	if !(rate >= 0) {
		panic(fmt.Sprintf("stream: Limiter.Set: a rate of %v; it must not be negative", rate))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill()
	l.bucket.rate = rate
	l.serve(nil)
}

// Rate returns the rate in units a second.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.rate
}

// fill adds the units that have accrued since the last call.
func (l *Limiter) fill() {
	if l.waiting.Len() > 0 {
		l.bucket.fillAwaited(time.Now())
	} else {
		l.bucket.fill(time.Now())
	}
}

// first returns the first waiting turn, or nil.
func (l *Limiter) first() *turn {
	if e := l.waiting.Front(); e != nil {
		return e.Value.(*turn)
	}
	return nil
}

// serve passes the waiting turns whose units are available, in order, and wakes them. It also wakes
// the first turn that still waits, which must then time its own units. It does not wake caller.
func (l *Limiter) serve(caller *turn) {
	t := l.first()
	for t != nil && l.bucket.pass(t.units) {
		t.due = true
		l.waiting.Remove(t.at)
		t.wake(caller)
		t = l.first()
	}
	if t != nil {
		t.wake(caller)
	}
}

// wake wakes t, unless it is the caller.
func (t *turn) wake(caller *turn) {
	if t == caller {
		return
	}
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// Wait takes n units and blocks until they are due. If ctx is done first, Wait returns its cause
// and takes none. Calls are served in order of arrival. n may exceed the burst: Wait then blocks
// for longer. A negative n counts as 0.
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
	if l.waiting.Len() == 0 && l.bucket.pass(units) {
		l.mu.Unlock()
		return nil
	}
	t := &turn{units: units, woken: make(chan struct{}, 1)}
	t.at = l.waiting.PushBack(t)
	for !t.due {
		d := l.missing(t)
		began := l.bucket.at
		l.mu.Unlock()
		err := t.await(ctx, d)
		l.mu.Lock()
		l.fill()
		if err != nil && !t.due {
			l.leave(t)
			l.mu.Unlock()
			return err
		}
		if !t.due && l.first() == t {
			if d > 0 {
				l.bucket.late(l.bucket.at.Sub(began) - d)
			}
			l.serve(t)
		}
	}
	l.mu.Unlock()
	return nil
}

// missing returns the time until the units of t are available. It returns 0 if t waits for another
// event: it is not the first, or the rate is 0.
func (l *Limiter) missing(t *turn) time.Duration {
	if l.bucket.rate == 0 || l.first() != t {
		return 0
	}
	return l.bucket.missing(t.units)
}

// await blocks until t is woken, until d has passed if d is not 0, or until ctx is done.
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

// leave removes t from the waiting turns. The units that accrued for it go to the next turn, but at
// most as many as that turn needs, or a burst.
func (l *Limiter) leave(t *turn) {
	first := l.first() == t
	l.waiting.Remove(t.at)
	if !first {
		return
	}
	most := l.bucket.burst
	if next := l.first(); next != nil {
		most = max(most, next.units)
	}
	l.bucket.tokens = min(l.bucket.tokens, most)
	l.serve(nil)
}

// Throttle returns a flow that waits, before each element v, for cost(v) units of l. If cost is
// nil, each element counts as 1. [ByteLen] counts bytes.
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
