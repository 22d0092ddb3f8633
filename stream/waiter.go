package stream

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// waiter is where one goroutine waits for what others make true.
type waiter struct {
	waits atomic.Bool
	woken chan struct{} // holds one
}

func newWaiter() waiter { return waiter{woken: make(chan struct{}, 1)} }

var errDue = errors.New("stream: the time is up")

// yields is how often a waiter lets others run before it goes to sleep. Between busy goroutines what it waits for is often true by
// then, and to be woken costs more.
const yields = 4

// yield lets others run until ready, for a short while only.
func (w *waiter) yield(ready func() bool) {
	for range yields {
		if ready() {
			return
		}
		runtime.Gosched()
	}
}

// pace keeps a consumer from following its producers element by element. To look at what another core writes slows
// both down; so when there was little, the consumer looks again a moment later, up to about a microsecond.
type pace struct{ turns int }

// took is called between two looks, with how many elements the last one found and how many there could have been.
func (p *pace) took(n, of int) {
	switch {
	case n <= 1 || n > of/2: // it is not the consumer that is too quick
		p.turns = 0
	case n < of/4:
		p.turns = min(2*p.turns+1, 15)
	}
	for range p.turns {
		runtime.Gosched()
	}
}

// until waits until ready, until ctx is done, or until the time comes on due (errDue). Whoever changes what ready looks at calls
// wake afterwards.
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
		default: // a wake-up of an earlier wait is still there; it will do
		}
	}
}
