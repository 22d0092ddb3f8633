package streamtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/millweir/millweir/stream"
)

// earlyEnds checks that the downstream can end after any element: it gets no error, and the
// upstream is stopped.
func (s *suite[I, O]) earlyEnds(t *testing.T) {
	s.try(t, "EarlyEnd", func(c *check) {
		for n, in := range s.shortAndLong() {
			at, whole := s.emits(c, n, in)
			for k := range at {
				c.at("the downstream has had enough after %d of %d elements", k+1, len(whole))
				a := s.attempt(c, in)
				st := s.open(n)
				a.start(func() error { return s.takeSome(a, st, k+1) })
				a.finishEarly()
				if d := s.stray(a.down.elements(), whole); d != "" {
					c.breach(6, "%s", d)
				}
			}
		}
	})
}

// takeSome runs the stage in a loop that breaks after n elements.
func (s *suite[I, O]) takeSome(a *attempt[I, O], st stage[I, O], n int) error {
	for _, err := range stream.All(a.ctx, stream.SourceFunc[O](func(_ context.Context, emit func(O) error) error {
		// The loop's emit panics if it is called concurrently or after its end. Avoid that, because
		// the receiver reports such calls.
		var mu sync.Mutex
		var stop error
		returned := false
		err := st(a.run, a.up, func(v O) error {
			if err := a.down.emit(v); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if stop != nil || returned {
				return stop
			}
			if stop = emit(v); stop != nil {
				how := "returned an error"
				a.down.emitFailure.CompareAndSwap(nil, &how)
			}
			return stop
		})
		mu.Lock()
		defer mu.Unlock()
		returned = true
		if !same(err, stop) && stop != nil {
			a.c.breach(5, "Each returned %v, expected the early end as emit returned it", err)
		}
		return err
	})) {
		if err != nil {
			return err
		}
		if n--; n == 0 {
			break
		}
	}
	return nil
}

// finishEarly is finish for a run that was ended early.
func (a *attempt[I, O]) finishEarly() {
	a.out = a.wait()
	if a.out.hung {
		return
	}
	a.up.ended()
	if a.out != (outcome{}) {
		a.c.breach(5, "%v, expected no error", a.out)
	}
	if a.s.kind == "source" || a.up.complete || a.up.runs == 0 {
		return
	}
	if err := errors.Join(a.up.emitErr, a.up.ctxErr); !stream.Stopped(err) && !a.s.early {
		a.c.breach(5, "the upstream was stopped by %v, expected an error for which stream.Stopped is true", err)
	}
}
