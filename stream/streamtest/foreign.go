package streamtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// foreignError is an error that would have a meaning for a stage if its own reader, pipe or context
// had returned it. From a neighbour it is an error like any other.
type foreignError struct {
	name string
	err  error
}

func foreignErrors() []foreignError {
	return []foreignError{
		{"EOF", io.EOF},
		{"ClosedPipe", io.ErrClosedPipe},
		{"Canceled", context.Canceled},
		{"DeadlineExceeded", context.DeadlineExceeded},
		{"Stopped", earlyEnd()},
	}
}

// earlyEnd returns an early end that no stage under check has asked for.
func earlyEnd() (stop error) {
	for range stream.All(context.Background(),
		stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
			stop = emit(0)
			return stop
		})) {
		break
	}
	return stop
}

// foreignUpstream checks that the stage does not mistake an error of the upstream for the end of
// the elements, the end of the run, or an echo.
func (s *suite[I, O]) foreignUpstream(t *testing.T) {
	for _, f := range foreignErrors() {
		s.try(t, "ForeignError/Upstream"+f.name, func(c *check) {
			in := s.stepped()
			whole := s.whole(c, s.steps, in)
			reached := s.reached(c, s.steps, in)
			for k := range c.someSpots(in.len+1, 4) {
				if k >= reached {
					break
				}
				for _, err := range []error{f.err, fmt.Errorf("streamtest: the upstream failed: %w", f.err)} {
					c.at("the upstream fails after %d of %d elements with %q (%T)", k, in.len, err, err)
					a := s.attempt(c, in)
					failed := false
					a.up.before = func(_ context.Context, i int) error {
						if i == k && !failed {
							failed = true
							return err
						}
						return nil
					}
					a.do(s.open(s.steps))
					if s.restarts && a.out == (outcome{}) {
						continue // the stage retried
					}
					a.failed(4, f.err, whole)
				}
			}
		})
	}
}

// foreignDownstream checks that the run returns any error of emit unchanged.
func (s *suite[I, O]) foreignDownstream(t *testing.T) {
	for _, f := range foreignErrors() {
		if stream.Stopped(f.err) {
			continue // the check EarlyEnd covers this
		}
		s.try(t, "ForeignError/Downstream"+f.name, func(c *check) {
			in := s.stepped()
			at, whole := s.emits(c, s.steps, in)
			for k := range at {
				c.at("emit %d of %d fails with %q", k+1, len(whole), f.err)
				a := s.attempt(c, in)
				a.down.after = failFrom(k, f.err)
				a.do(s.open(s.steps))
				if !a.out.hung && !a.unreached(k) && !same(a.out.err, f.err) {
					c.breach(4, "%v, expected emit's error as it is: %q", a.out, f.err)
				}
			}
		})
	}
}

// endedEarly checks that a run returns an early end, and not success, if the early end cancels the
// run's context. A stage with goroutines ends its upstream in this way.
func (s *suite[I, O]) endedEarly(t *testing.T) {
	if s.readsOn {
		return
	}
	s.try(t, "Cancel/ByEarlyEnd", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		reached := s.reached(c, s.steps, in)
		for k := range c.someSpots(in.len+1, 4) {
			if k >= reached {
				break
			}
			c.at("the upstream waits after %d of %d elements, then a stage further down ends the run early", k, in.len)
			a := s.attempt(c, in)
			stop := earlyEnd()
			a.up.before = func(ctx context.Context, i int) error {
				if i != k {
					return nil
				}
				timer := time.AfterFunc(10*c.tick, func() { a.cancelWith(stop) })
				defer timer.Stop()
				<-ctx.Done()
				return context.Cause(ctx)
			}
			a.do(s.open(s.steps))
			if a.out.hung {
				return
			}
			a.prompt()
			if !errors.Is(a.out.err, stop) {
				c.breach(7, "%v, expected context.Cause(ctx), the early end", a.out)
			}
			a.began(whole)
		}
	})
}
