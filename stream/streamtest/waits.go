package streamtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// waits checks that the stage can be cancelled while it waits for its own timer, store or clean-up.
// An undisturbed run shows when it waits. The check then does one run for each of these times.
func (s *suite[I, O]) waits(t *testing.T) {
	s.try(t, "Cancel/Waiting", func(c *check) {
		if c.wall {
			c.Skip("not checked on the wall clock, whose times are never twice the same: Stalled is for that")
		}
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		for _, d := range s.moments(c, in) {
			c.at("the context is cancelled %v after the start, while the %s itself waits", d, s.kind)
			a := s.attempt(c, in)
			timer := time.AfterFunc(d, a.cancel)
			a.do(s.open(s.steps))
			timer.Stop()
			if !a.isCancelled() {
				continue // the run varies, and ended before the cancellation
			}
			a.causedOrComplete(whole)
		}
	})
}

// moments returns times in an undisturbed run at which the stage waits and its neighbours do not.
func (s *suite[I, O]) moments(c *check, in feed[I]) []time.Duration {
	var mu sync.Mutex
	var marks []time.Duration // when elements passed
	start := time.Now()
	mark := func() {
		mu.Lock()
		defer mu.Unlock()
		marks = append(marks, time.Since(start))
	}
	a := s.attempt(c, in)
	a.up.before = func(context.Context, int) error { mark(); return nil }
	a.down.after = func(int) error { mark(); return nil }
	a.do(s.open(s.steps))
	marks = append(marks, a.ended.Sub(start))
	var all []time.Duration
	last := time.Duration(0)
	for _, at := range marks {
		if d := at - last; d > 0 {
			all = append(all, last+d/16, last+d/2, at-d/16)
		}
		last = at
	}
	return pick(all, c.spots(len(all)))
}

// pick returns the elements of all at the indexes that at yields.
func pick[T any](all []T, at func(func(int) bool)) []T {
	var picked []T
	for i := range at {
		picked = append(picked, all[i])
	}
	return slices.Clip(picked)
}

// deadlines checks that a deadline ends a run as a cancellation does, with its own cause.
func (s *suite[I, O]) deadlines(t *testing.T) {
	side, steps := "Upstream", s.steps
	if s.kind == "source" {
		side = "Downstream"
	}
	s.try(t, "Deadline/"+side+"Blocked", func(c *check) {
		if c.wall && s.kind == "source" {
			c.Skip("not checked on the wall clock, where the deadline may pass before the source has begun")
		}
		in := s.chunked(steps)
		whole := s.whole(c, steps, in)
		n, reached := len(whole), len(whole)
		if s.kind != "source" {
			n, reached = in.len+1, s.reached(c, s.steps, in)
		}
		for k := range c.someSpots(n, 4) {
			if k >= reached {
				break
			}
			for _, cause := range []error{errCause, context.DeadlineExceeded} {
				c.at("the %s waits at step %d of %d until the run's deadline, with the cause %q, has passed",
					side, k+1, n, cause)
				a := s.attempt(c, in)
				a.expire(10*c.tick, cause)
				wait := func(ctx context.Context, i int) error {
					if i != k {
						return nil
					}
					<-ctx.Done()
					return context.Cause(ctx)
				}
				if s.kind == "source" {
					a.down.after = func(i int) error { return wait(a.ctx, i) }
				} else {
					a.up.before = wait
				}
				a.do(s.open(steps))
				if a.out.hung {
					return
				}
				if a.prompt(); !errors.Is(a.out.err, cause) {
					c.breach(7, "%v, expected context.Cause(ctx), %q", a.out, cause)
				}
				a.began(whole)
			}
		}
	})
}
