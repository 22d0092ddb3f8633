package stream_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/millweir/millweir/stream"
)

// trouble is the effect of a fault.
type trouble int

const (
	toFail   trouble = iota // returns an error
	toCancel                // cancels the run's context
	toPanic
	toExit // calls runtime.Goexit
	toSlow // delays every element
)

func (k trouble) String() string {
	return [...]string{"error", "cancel", "panic", "exit", "slow"}[k]
}

// fault is a place in a graph that fails at element number at.
type fault struct {
	f    *faults
	kind trouble
	at   int
	lag  time.Duration // of toSlow

	mu   sync.Mutex
	hits int

	// Set when the fault happens.
	when time.Time
	live bool // its context was not cancelled: no earlier failure had reached its stage
}

// Error makes a toFail fault the error that it returns, and a toPanic fault the value of its panic.
// The text has the seed, because a panic may end the test binary before the test can print it.
func (p *fault) Error() string {
	return fmt.Sprintf("graph %d: %v at element %d", p.f.seed, p.kind, p.at)
}

// hit is called when an element passes, by code that can return an error.
func (p *fault) hit(ctx context.Context) error {
	if p == nil {
		return nil
	}
	if p.kind == toSlow {
		return waitFor(ctx, p.lag)
	}
	p.mu.Lock()
	n := p.hits
	p.hits++
	p.mu.Unlock()
	if n != p.at {
		return nil
	}
	return p.fire(ctx)
}

// pass is called when an element passes, by code that cannot return an error. Its fault is never
// toFail.
func (p *fault) pass() { _ = p.hit(context.Background()) }

// ended is called when all elements have passed. It fires a fault that is due after the last
// element.
func (p *fault) ended(ctx context.Context) error {
	if p == nil || p.kind == toSlow || p.hits != p.at {
		return nil
	}
	return p.fire(ctx)
}

func (p *fault) fire(ctx context.Context) error {
	p.f.fired(ctx, p)
	switch p.kind {
	case toCancel:
		p.f.cancel()
	case toPanic:
		panic(p)
	case toExit:
		runtime.Goexit()
	case toFail:
		return p
	}
	return nil
}

func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// faults has the faults of one run of a graph.
type faults struct {
	seed uint64
	stop context.CancelCauseFunc

	mu        sync.Mutex
	first     []*fault  // the faults that happened, in order
	cancelled time.Time // when the context was cancelled
	broken    []string  // breaches of the contract by stages
	away      bool      // the loop over the elements ended early, so no error can reach it
}

var errGraphCancelled = errors.New("the graph was cancelled")

func (f *faults) fired(ctx context.Context, p *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.when, p.live = time.Now(), ctx.Err() == nil
	f.first = append(f.first, p)
}

func (f *faults) cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelled.IsZero() {
		f.cancelled = time.Now()
		f.stop(errGraphCancelled)
	}
}

// breach records that a stage broke the contract.
func (f *faults) breach(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = append(f.broken, fmt.Sprintf(format, args...))
}

// ending is how a run ended.
type ending struct {
	err      error
	panicked any
	exited   bool
	at       time.Time
}

func (e ending) String() string {
	switch {
	case e.exited:
		return "it ended its goroutine"
	case e.panicked != nil:
		text, _, _ := strings.Cut(fmt.Sprint(e.panicked), "\n")
		return fmt.Sprintf("it panicked with %T: %s", e.panicked, text)
	case e.err != nil:
		return fmt.Sprintf("it returned %q", e.err)
	}
	return "it returned nil"
}

// judge checks the end of a run against the faults that happened.
func (f *faults) judge(e ending) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.broken) > 0 {
		return strings.Join(f.broken, "; ")
	}
	if !f.cancelled.IsZero() && e.at.Sub(f.cancelled) > time.Second {
		return fmt.Sprintf("it took %v from the cancel to the end", e.at.Sub(f.cancelled))
	}
	var panics, exits, errs []*fault
	for _, p := range f.first {
		switch p.kind {
		case toPanic:
			panics = append(panics, p)
		case toExit:
			exits = append(exits, p)
		case toFail:
			errs = append(errs, p)
		}
	}
	switch {
	case len(panics)+len(exits) > 0:
		return f.judgeBreak(e, panics, exits)
	case e.panicked != nil || e.exited:
		return fmt.Sprintf("%v, but no fault did that", e)
	case f.away && e.err == nil:
	case len(f.first) == 0 && f.cancelled.IsZero():
		if e.err != nil {
			return fmt.Sprintf("%v, but nothing failed", e)
		}
	case len(errs) > 0 && f.first[0].kind == toFail:
		if !f.mayReport(e.err) {
			return fmt.Sprintf("%v, but the first error was %q", e, f.first[0])
		}
	default: // the run was cancelled, perhaps too late, and perhaps after an earlier failure
		ok := e.err == nil && len(errs) == 0 || errors.Is(e.err, errGraphCancelled) ||
			errors.Is(e.err, errGraphTransient)
		for _, p := range errs {
			ok = ok || errors.Is(e.err, p)
		}
		if !ok {
			return fmt.Sprintf("%v, but it was cancelled, with the faults %v", e, f.first)
		}
	}
	return ""
}

// mayReport reports whether a run whose first fault was an error may end with err. The first fault
// is noted before its stage returns it. So a fault on another goroutine may overtake it, but only
// at the same instant of the fake clock (the clock stands still until every goroutine waits), and
// only before the first has cancelled the other's context.
func (f *faults) mayReport(err error) bool {
	for _, p := range f.first {
		overtakes := p.kind == toFail && p.live && p.when.Equal(f.first[0].when)
		if (p == f.first[0] || overtakes) && errors.Is(err, p) {
			return true
		}
	}
	return false
}

// judgeBreak is judge for a run in which a function panicked or ended its goroutine. The run must
// report that.
func (f *faults) judgeBreak(e ending, panics, exits []*fault) string {
	carried, _ := e.panicked.(*stream.PanicError)
	for _, p := range panics {
		if carried != nil && carried.Value == any(p) {
			return ""
		}
	}
	if e.exited && len(exits) > 0 {
		return ""
	}
	return fmt.Sprintf("%v, but these faults came to pass: %v", e, f.first)
}
