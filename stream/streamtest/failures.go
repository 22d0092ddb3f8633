package streamtest

import (
	"context"
	"errors"
	"iter"
	"testing"
)

var (
	errUpstream   = errors.New("streamtest: the upstream failed")
	errDownstream = errors.New("streamtest: the downstream failed")
	errCleanUp    = errors.New("streamtest: the upstream's clean-up failed")
)

// upstreamErrors checks that an error of the upstream at any element fails the run with that error.
func (s *suite[I, O]) upstreamErrors(t *testing.T) {
	s.try(t, "UpstreamError", func(c *check) {
		for n, in := range s.shortAndLong() {
			whole := s.whole(c, n, in)
			reached := s.reached(c, n, in)
			for k := range c.spots(in.len + 1) {
				if k >= reached {
					break
				}
				c.at("the upstream fails after %d of %d elements", k, in.len)
				a := s.attempt(c, in)
				a.up.before = func(_ context.Context, i int) error {
					if i == k {
						return errUpstream
					}
					return nil
				}
				a.do(s.open(n))
				a.failed(4, errUpstream, whole)
			}
		}
	})
}

// shortAndLong yields the number of records and the input of two runs: one that fails at every
// step, and one that fails late.
func (s *suite[I, O]) shortAndLong() iter.Seq2[int, feed[I]] {
	return func(yield func(int, feed[I]) bool) {
		_ = yield(s.steps, s.stepped()) && yield(s.many, s.elements(s.many))
	}
}

// reached returns how many steps of the upstream a run takes: all, unless the stage ends it early.
func (s *suite[I, O]) reached(c *check, n int, in feed[I]) int {
	if !s.early {
		return in.len + 1
	}
	a := s.attempt(c, in)
	a.do(s.open(n))
	if a.up.complete {
		return in.len + 1
	}
	return a.up.sent + 1
}

// downstreamErrors checks that an error of any emit comes back unchanged, and that no emit follows.
func (s *suite[I, O]) downstreamErrors(t *testing.T) {
	s.try(t, "DownstreamError", func(c *check) {
		for n, in := range s.shortAndLong() {
			at, whole := s.emits(c, n, in)
			for k := range at {
				c.at("emit %d of %d fails", k+1, len(whole))
				a := s.attempt(c, in)
				a.down.after = failFrom(k, errDownstream)
				a.do(s.open(n))
				if !a.out.hung && !a.unreached(k) && !same(a.out.err, errDownstream) {
					c.breach(4, "%v, expected emit's error as it is: %q", a.out, errDownstream)
				}
			}
		}
	})
}

func failFrom(k int, err error) func(int) error {
	return func(i int) error {
		if i >= k {
			return err
		}
		return nil
	}
}

// cleanUpErrors checks that the run's error keeps what the upstream's clean-up adds to emit's
// error.
func (s *suite[I, O]) cleanUpErrors(t *testing.T) {
	s.try(t, "CleanUpError", func(c *check) {
		in := s.stepped()
		at, whole := s.emits(c, s.steps, in)
		for k := range at {
			c.at("emit %d of %d fails, and then the upstream's clean-up", k+1, len(whole))
			a := s.attempt(c, in)
			a.down.after = failFrom(k, errDownstream)
			a.up.after = func(err error) error { return errors.Join(err, errCleanUp) }
			a.do(s.open(s.steps))
			if a.out.hung || a.unreached(k) {
				continue
			}
			if !errors.Is(a.out.err, errDownstream) {
				c.breach(4, "%v, expected an error that is emit's, %q", a.out, errDownstream)
			}
			if a.up.emitErr != nil && !errors.Is(a.out.err, errCleanUp) {
				c.breach(4, "%v, expected the upstream's clean-up error joined to it, %q", a.out, errCleanUp)
			}
		}
	})
}
