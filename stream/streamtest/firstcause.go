package streamtest

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// firstCauses checks that a run reports the first error, rather than its effect on the other side.
func (s *suite[I, O]) firstCauses(t *testing.T) {
	s.upstreamThen(t, "FirstCause/UpstreamThenCanceled", context.Canceled)
	s.upstreamThen(t, "FirstCause/UpstreamThenClosedPipe", io.ErrClosedPipe)
	s.try(t, "FirstCause/DownstreamThenCanceled", func(c *check) {
		in := s.stepped()
		at, whole := s.emits(c, s.steps, in)
		for k := range at {
			c.at("emit %d of %d fails while the upstream waits, which then returns %q",
				k+1, len(whole), context.Canceled)
			a := s.attempt(c, in)
			a.up.before = func(ctx context.Context, i int) error {
				if i == in.len {
					return linger(ctx, 50*c.tick)
				}
				return nil
			}
			a.down.after = func(i int) error {
				if i < k {
					return nil
				}
				time.Sleep(c.tick)
				return errDownstream
			}
			a.do(s.open(s.steps))
			if !a.out.hung && !a.unreached(k) && !errors.Is(a.out.err, errDownstream) {
				c.breach(4, "%v, expected the first cause, emit's %q", a.out, errDownstream)
			}
		}
	})
}

// upstreamThen lets the upstream fail while an emit blocks. That emit then returns echo, an effect
// of the failure.
func (s *suite[I, O]) upstreamThen(t *testing.T, name string, echo error) {
	s.try(t, name, func(c *check) {
		in := s.stepped()
		at, whole := s.emits(c, s.steps, in)
		for k := range at {
			c.at("emit %d of %d blocks, the upstream fails if it can, then emit returns %q", k+1, len(whole), echo)
			a := s.attempt(c, in)
			var failed atomic.Bool
			blocked := make(chan struct{})
			a.up.before = func(_ context.Context, i int) error {
				if i < in.len {
					return nil
				}
				select {
				case <-blocked:
				// The timeout is for a stage that emits only after the end, or uses one goroutine.
				case <-time.After(20 * c.tick):
				}
				failed.Store(true)
				return errUpstream
			}
			want := []error{errUpstream}
			a.down.after = func(i int) error {
				if i != k {
					return nil
				}
				early := failed.Load()
				close(blocked)
				time.Sleep(50 * c.tick)
				switch {
				case early: // the stage may emit its elements before it reports the failure
					want = append(want, echo)
				case !failed.Load():
					want = []error{echo}
				}
				return echo
			}
			a.do(s.open(s.steps))
			if a.out.hung {
				return
			}
			for _, err := range want {
				if errors.Is(a.out.err, err) {
					want = nil
				}
			}
			if len(want) > 0 {
				c.breach(4, "%v, expected the first cause, %q", a.out, want[0])
			}
		}
	})
}

// linger waits for the context as a careless source does: it returns ctx.Err(), rather than the
// cause. It gives up after d.
func linger(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
