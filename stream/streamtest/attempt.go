package streamtest

import (
	"errors"
	"fmt"
	"iter"
	"time"
)

// attempt is one run of the stage between a sender and a receiver.
type attempt[I, O any] struct {
	*run
	s     *suite[I, O]
	up    *sender[I]
	down  *receiver[O]
	again bool // not the first run of the stage: visible work may be another run's
	out   outcome
}

// attempt returns a run with the input in, not yet started.
func (s *suite[I, O]) attempt(c *check, in feed[I]) *attempt[I, O] {
	r := c.newRun()
	a := &attempt[I, O]{
		run: r, s: s,
		up:   &sender[I]{r: r, in: in.make(), restarts: s.restarts},
		down: &receiver[O]{r: r, chunks: s.cutOut},
	}
	a.up.last = func() {
		if !a.again && s.seen != nil && s.seen() {
			c.breach(6, "the sink's work is visible before its source returned nil")
		}
	}
	return a
}

// begin starts the run.
func (a *attempt[I, O]) begin(st stage[I, O]) {
	a.start(func() error { return st(a.run, a.up, a.down.emit) })
}

// finish waits for the run and checks what must hold after every run.
func (a *attempt[I, O]) finish() outcome {
	a.out = a.wait()
	if a.out.hung {
		return a.out
	}
	a.up.ended()
	if !a.down.poison {
		a.down.checkUnchanged("by the end of the run")
	}
	whole := a.out == (outcome{})
	switch {
	case whole && a.s.kind != "source" && !a.s.early && !a.up.complete:
		a.c.breach(6, "nil was returned, but the upstream had not completed: it had sent %d of %d elements",
			a.up.sent, len(a.up.in))
	case a.s.seen == nil || a.again:
	case whole && !a.s.seen():
		a.c.breach(6, "nil was returned, but the sink's work is not visible")
	case !whole && a.s.seen():
		a.c.breach(6, "the run failed (%v), but the sink's work is visible", a.out)
	case !whole && !a.c.wall:
		if time.Sleep(later); a.s.seen() {
			a.c.breach(6, "the run failed (%v), but later the sink's work became visible", a.out)
		}
	}
	return a.out
}

// do begins and finishes the run.
func (a *attempt[I, O]) do(st stage[I, O]) outcome {
	a.begin(st)
	return a.finish()
}

// completed reports a breach unless the run ended with nil and with the output want. A nil want is
// not compared.
func (a *attempt[I, O]) completed(want []O) bool {
	switch {
	case a.out.hung:
		return false
	case a.out != (outcome{}):
		rule := 6
		if a.out.err == nil {
			rule = 10
		}
		a.c.breach(rule, "nothing failed, but %v", a.out)
		return false
	}
	if want != nil {
		if d := a.s.differ(a.down.elements(), want); d != "" {
			a.c.breach(6, "%s", d)
			return false
		}
	}
	return true
}

// unreached reports whether the run completed before its k-th emit, at which a fault was due. An
// output that varies may be shorter.
func (a *attempt[I, O]) unreached(k int) bool {
	return a.out == (outcome{}) && len(a.down.elements()) <= k
}

// failed reports a breach unless the run ended with an error that matches want.
func (a *attempt[I, O]) failed(rule int, want error, whole []O) {
	switch {
	case a.out.hung:
		return
	case a.out.err == nil || !errors.Is(a.out.err, want):
		a.c.breach(rule, "%v, expected the error %q", a.out, want)
	}
	a.began(whole)
}

// began reports a breach unless the output is a prefix of the whole output.
func (a *attempt[I, O]) began(whole []O) {
	if d := a.s.stray(a.down.elements(), whole); d != "" {
		a.c.breach(6, "%s", d)
	}
}

// whole returns the output of an undisturbed run with the input in. It caches the output. If the
// run fails, the check ends.
func (s *suite[I, O]) whole(c *check, n int, in feed[I]) []O {
	c.Helper()
	key := fmt.Sprint(n, in.len)
	if out, ok := s.cache[key]; ok {
		return out
	}
	a := s.attempt(c, in)
	a.do(s.open(n))
	if !a.completed(nil) {
		c.FailNow()
	}
	out := a.down.elements()
	if out == nil {
		out = []O{}
	}
	s.cache[key] = out
	return out
}

// spots yields those of n steps at which a check disturbs the run: all of them, or a sample that
// includes the first and the last. It stops once the check has failed, because one failure is
// enough.
func (c *check) spots(n int) iter.Seq[int] { return c.someSpots(n, 12) }

// someSpots is spots with at most most steps.
func (c *check) someSpots(n, most int) iter.Seq[int] {
	chosen := min(n, most)
	if c.wall {
		chosen = min(n, 3)
	}
	return func(yield func(int) bool) {
		for i := range chosen {
			if c.Failed() || !yield(i*(n-1)/max(1, chosen-1)) {
				return
			}
		}
	}
}

// emits returns the steps of the output at which a check disturbs the run, and that output.
func (s *suite[I, O]) emits(c *check, n int, in feed[I]) (iter.Seq[int], []O) {
	c.Helper()
	whole := s.whole(c, n, in)
	if len(whole) == 0 {
		c.Fatalf("streamtest: %d records made no output, so nothing can be checked here: "+
			"give larger Steps, or another Input", n)
	}
	return c.spots(len(whole)), whole
}
