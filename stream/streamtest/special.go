package streamtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// stalled checks that a stage can be cancelled while it waits for something outside the process.
func (s *suite[I, O]) stalled(t *testing.T, stalled func() stage[I, O]) {
	s.try(t, "Cancel/Stalled", func(c *check) {
		c.at("the %s waits, then the context is cancelled", s.kind)
		a := s.attempt(c, s.stepped())
		timer := time.AfterFunc(10*c.tick, a.cancel)
		defer timer.Stop()
		a.do(stalled())
		a.caused()
	})
}

// appliedTwice checks that the source that a flow makes of its upstream can run again.
func appliedTwice[I, O any](s *suite[I, O], t *testing.T, f func() stream.Flow[I, O]) {
	if s.singleUse {
		return
	}
	s.try(t, "RunAppliedTwice", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		var now *attempt[I, O]
		src := f().Apply(stream.SourceFunc[I](func(ctx context.Context, emit func(I) error) error {
			if now == nil {
				c.breach(9, "the upstream was run by Apply")
				return errUpstream
			}
			return now.up.Each(ctx, emit)
		}))
		for i := range 2 {
			c.at("run %d of the source that Apply returned", i+1)
			now = s.attempt(c, in)
			now.do(func(r *run, _ *sender[I], emit func(O) error) error { return src.Each(r.ctx, emit) })
			now.afresh(whole)
		}
	})
}

// readsAhead checks how much a flow takes while its downstream takes nothing.
func (s *suite[I, O]) readsAhead(t *testing.T) {
	if s.readAhead == 0 {
		return
	}
	s.try(t, "ReadAhead", func(c *check) {
		n := s.many + s.readAhead
		in := s.elements(n)
		at, whole := s.emits(c, n, in)
		// If the upstream is so slow that nothing can be read ahead, the flow has taken only the
		// elements that each emit needs.
		var need []int
		a := s.attempt(c, in)
		a.up.before = func(context.Context, int) error { time.Sleep(2 * c.tick); return nil }
		a.down.after = func(int) error {
			time.Sleep(c.tick)
			need = append(need, a.up.count())
			return nil
		}
		a.do(s.open(n))
		for k := range at {
			if k >= len(need) {
				break // the output depends on time, so it differs with a slow upstream
			}
			c.at("emit %d of %d blocks for a long time", k+1, len(whole))
			a := s.attempt(c, in)
			a.down.after = func(i int) error {
				if i != k {
					return nil
				}
				time.Sleep(100 * c.tick)
				if more := a.up.count() - need[k]; more > s.readAhead {
					c.breach(2, "%d elements were taken in beyond those that it needs, more than ReadAhead, %d",
						more, s.readAhead)
				}
				return nil
			}
			a.do(s.open(n))
		}
	})
}

// badSettings checks that a stage with invalid settings, the i-th of Bad, fails before anything
// starts.
func (s *suite[I, O]) badSettings(t *testing.T, i int, st stage[I, O]) {
	s.try(t, fmt.Sprint("BadSettings/", i), func(c *check) {
		c.at("the %s has bad settings", s.kind)
		a := s.attempt(c, s.stepped())
		if s.seen != nil {
			_ = s.build(a) // discards what an earlier run stored
		}
		a.do(st)
		if a.out.err == nil && !a.out.hung {
			c.breach(9, "%v, expected an error", a.out)
		}
		if a.up.runs > 0 {
			c.breach(9, "it ran its upstream")
		}
		if n := len(a.down.elements()); n > 0 {
			c.breach(9, "%d elements were emitted", n)
		}
	})
}
