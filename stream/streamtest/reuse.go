package streamtest

import (
	"context"
	"testing"
	"time"
)

// constructor checks that a constructor only makes the stage. If it does more, the other checks are
// not worth running.
func (s *suite[I, O]) constructor(t *testing.T) bool {
	return s.try(t, "Constructor", func(c *check) {
		c.at("the %s was made and not run", s.kind)
		a := s.attempt(c, s.stepped())
		a.start(func() error { return s.build(a) })
		if out := a.wait(); out != (outcome{}) {
			c.breach(9, "%v", out)
		}
		if a.up.runs > 0 {
			c.breach(9, "it ran its upstream")
		}
		if s.seen != nil && s.seen() {
			c.breach(9, "its work is visible")
		}
	})
}

// reuse checks that every run starts fresh.
func (s *suite[I, O]) reuse(t *testing.T) {
	if s.singleUse {
		s.try(t, "SingleUse", func(c *check) {
			in := s.stepped()
			st := s.open(s.steps)
			s.attempt(c, in).do(st)
			c.at("a single-use %s is run a second time", s.kind)
			a := s.attempt(c, in)
			a.again = true
			a.do(st)
			if a.out.err == nil && !a.out.hung {
				c.breach(9, "%v, expected an error", a.out)
			}
			if n := len(a.down.elements()); n > 0 {
				c.breach(9, "%d elements were emitted", n)
			}
		})
		return
	}
	s.try(t, "RunTwice", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		st := s.open(s.steps)
		for i := range 3 {
			c.at("run %d of the same %s", i+1, s.kind)
			a := s.attempt(c, in)
			a.again = i > 0
			a.do(st)
			a.afresh(whole)
		}
	})
	s.try(t, "RunAfterFailure", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		for k := range c.spots(max(in.len, len(whole))) {
			st := s.open(s.steps)
			c.at("a run that fails after %d elements", k)
			a := s.attempt(c, in)
			if a.again = true; s.kind == "source" {
				a.down.after = failFrom(k, errDownstream)
			} else {
				a.up.before = func(_ context.Context, i int) error {
					if i == k {
						return errUpstream
					}
					return nil
				}
			}
			a.do(st)
			c.at("a run after one that failed after %d elements", k)
			b := s.attempt(c, in)
			b.again = true
			b.do(st)
			b.afresh(whole)
		}
	})
	s.try(t, "RunAtOnce", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		st := s.open(s.steps)
		c.at("two runs of the same %s at the same time", s.kind)
		var all []*attempt[I, O]
		for i := range 2 {
			a := s.attempt(c, in)
			a.again = true
			a.up.before = func(context.Context, int) error { time.Sleep(c.tick + time.Duration(i)); return nil }
			a.down.after = func(int) error { time.Sleep(c.tick + time.Duration(i)); return nil }
			a.begin(st)
			all = append(all, a)
		}
		for _, a := range all {
			a.finish()
		}
		for _, a := range all {
			a.afresh(whole)
		}
	})
}

// afresh reports a breach unless the run had the same outcome as the first run.
func (a *attempt[I, O]) afresh(whole []O) {
	if a.out.hung {
		return
	}
	if a.out != (outcome{}) {
		a.c.breach(9, "%v, though nothing failed", a.out)
	} else if d := a.s.differ(a.down.elements(), whole); d != "" {
		a.c.breach(9, "the run does not give what the first one gave: %s", d)
	}
}
