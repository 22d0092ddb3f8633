package stream

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// waiter lets one goroutine wait for a condition that other goroutines make true.
type waiter struct {
	waits atomic.Bool
	woken chan struct{} // capacity 1
	skips skips         // only the waiting goroutine uses it
}

func newWaiter() waiter { return waiter{woken: make(chan struct{}, 1)} }

var errDue = errors.New("stream: the time is up")

// yields is how often a waiter yields before it sleeps. With busy goroutines, the condition is
// often true by then, and a wake-up costs more than a yield.
const yields = 4

// yield yields a few times, until ready returns true. If that was in vain, it does not yield at
// some of the next calls.
func (w *waiter) yield(ready func() bool) {
	if w.skips.next() {
		return
	}
	for range yields {
		if ready() {
			w.skips = skips{}
			return
		}
		runtime.Gosched()
	}
	w.skips.failed()
}

// pace keeps a consumer from polling its producers element by element. Reading memory that another
// core writes slows both down. So after a poll that found little, the consumer pauses, for up to
// about a microsecond.
type pace struct{ turns int }

// took is called between two polls, with the number of elements that the last one found and the
// most that it could have found.
func (p *pace) took(n, of int) {
	switch {
	case n <= 1 || n > of/2: // the consumer does not poll too fast
		p.turns = 0
	case n < of/4:
		p.turns = min(2*p.turns+1, 15)
	}
	for range p.turns {
		runtime.Gosched()
	}
}

// until blocks until ready returns true, until ctx is done, or until due fires (errDue). A
// goroutine that changes what ready reads must call wake afterwards.
func (w *waiter) until(ctx context.Context, ready func() bool, due <-chan time.Time) error {
	for {
		w.waits.Store(true)
		if ready() {
			w.waits.Store(false)
			return nil
		}
		select {
		case <-w.woken:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-due:
			w.waits.Store(false)
			return errDue
		}
	}
}

// wake ends the wait, if there is one.
func (w *waiter) wake() {
	if w.waits.Load() && w.waits.CompareAndSwap(true, false) {
		select {
		case w.woken <- struct{}{}:
		default: // a wake-up of an earlier wait is still pending, which suffices
		}
	}
}
