package streamtest

import (
	"context"
	"errors"
	"testing"
	"time"
)

// cancels checks that a run that is cancelled at any step ends within a second with the context's
// cause.
func (s *suite[I, O]) cancels(t *testing.T) {
	s.try(t, "Cancel/BeforeStart", func(c *check) {
		in := s.stepped()
		c.at("the context is cancelled before the start")
		a := s.attempt(c, in)
		a.cancel()
		a.do(s.open(s.steps))
		a.caused()
	})
	s.waits(t)
	s.deadlines(t)
	if s.kind != "source" {
		s.cancelsUpstream(t)
		s.endedEarly(t)
	}
	if s.kind != "sink" {
		s.cancelsDownstream(t)
	}
}

// caused reports a breach unless the run ended in time with the cause of its context.
func (a *attempt[I, O]) caused() {
	if a.out.hung {
		return
	}
	a.prompt()
	if !errors.Is(a.out.err, errCause) {
		a.c.breach(7, "%v, expected context.Cause(ctx), %q", a.out, errCause)
	}
}

// causedOrComplete is caused for a run that may also have completed; then its output must be
// complete.
func (a *attempt[I, O]) causedOrComplete(whole []O) {
	if a.out == (outcome{}) {
		a.prompt()
		if d := a.s.differ(a.down.elements(), whole); d != "" {
			a.c.breach(7, "the run was cancelled and nil was returned, but %s", d)
		}
		return
	}
	a.caused()
	a.began(whole)
}

// reluctantly makes an element slow once the run is cancelled. One more element may still pass,
// because a select may pick it from a channel; two such elements exceed the second that rule 7
// allows.
func (c *check) reluctantly() { time.Sleep(c.second * 6 / 10) }

func (s *suite[I, O]) cancelsUpstream(t *testing.T) {
	s.try(t, "Cancel/InsideUpstream", func(c *check) {
		in := s.chunked(s.many)
		whole := s.whole(c, s.many, in)
		for k := range c.spots(in.len + 1) {
			c.at("the context is cancelled while the upstream makes element %d of %d", k+1, in.len)
			a := s.attempt(c, in)
			a.up.before = func(_ context.Context, i int) error {
				if i == k {
					a.cancel()
				} else if a.isCancelled() {
					c.reluctantly()
				}
				return nil
			}
			a.do(s.open(s.many))
			a.causedOrComplete(whole)
		}
	})
	s.try(t, "Cancel/UpstreamBlocked", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		reached := s.reached(c, s.steps, in)
		for k := range c.spots(in.len + 1) {
			if k >= reached {
				break
			}
			c.at("the upstream waits after %d of %d elements, then the context is cancelled", k, in.len)
			a := s.attempt(c, in)
			a.up.before = func(ctx context.Context, i int) error {
				if i != k {
					return nil
				}
				timer := time.AfterFunc(10*c.tick, a.cancel)
				defer timer.Stop()
				<-ctx.Done()
				return context.Cause(ctx)
			}
			a.do(s.open(s.steps))
			a.caused()
			a.began(whole)
		}
	})
}

func (s *suite[I, O]) cancelsDownstream(t *testing.T) {
	s.try(t, "Cancel/InsideEmit", func(c *check) {
		in := s.chunked(s.many)
		at, whole := s.emits(c, s.many, in)
		for k := range at {
			c.at("the context is cancelled inside emit %d of %d", k+1, len(whole))
			a := s.attempt(c, in)
			a.down.after = func(i int) error {
				if i == k {
					a.cancel()
				} else if a.isCancelled() {
					c.reluctantly()
				}
				return nil
			}
			a.do(s.open(s.many))
			a.causedOrComplete(whole)
		}
	})
	s.try(t, "Cancel/DownstreamBlocked", func(c *check) {
		in := s.stepped()
		at, whole := s.emits(c, s.steps, in)
		for k := range at {
			c.at("emit %d of %d blocks until the context is cancelled", k+1, len(whole))
			a := s.attempt(c, in)
			a.down.after = func(i int) error {
				if i != k {
					return nil
				}
				timer := time.AfterFunc(10*c.tick, a.cancel)
				defer timer.Stop()
				<-a.ctx.Done()
				return context.Cause(a.ctx)
			}
			a.do(s.open(s.steps))
			if !a.unreached(k) {
				a.caused()
			}
		}
	})
}
