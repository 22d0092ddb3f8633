package streamtest

import (
	"context"
	"testing"
	"time"
)

// later is a time after a run within which any remaining timer fires.
const later = 24 * time.Hour

// remains checks that no child of a run's context and no timer remains after the run, however it
// ends. Other checks find goroutines that still run, and late calls of the neighbours.
func (s *suite[I, O]) remains(t *testing.T) {
	s.try(t, "LeftBehind", func(c *check) {
		in := s.stepped()
		whole := s.whole(c, s.steps, in)
		run := func(disturb func(a *attempt[I, O])) {
			a := s.attempt(c, in)
			ctx := track(a.ctx)
			a.ctx = ctx
			a.atEnd = func() { a.nothingLeft(ctx) }
			disturb(a)
			a.do(s.open(s.steps))
			ctx.release()
			c.settle()
		}
		c.at("an undisturbed run")
		run(func(*attempt[I, O]) {})
		for k := range c.someSpots(in.len+1, 4) {
			if s.kind == "source" {
				break
			}
			c.at("the upstream fails after %d of %d elements", k, in.len)
			run(func(a *attempt[I, O]) {
				a.up.before = func(_ context.Context, i int) error {
					if i == k {
						return errUpstream
					}
					return nil
				}
			})
		}
		for k := range c.someSpots(len(whole), 4) {
			if s.kind == "sink" {
				break
			}
			c.at("emit %d of %d fails", k+1, len(whole))
			run(func(a *attempt[I, O]) { a.down.after = failFrom(k, errDownstream) })
		}
	})
}

// nothingLeft reports a breach if anything is attached to the context of a run that has ended, or
// uses it later.
func (r *run) nothingLeft(ctx *tracked) {
	if left := ctx.left(); len(left) > 0 {
		r.c.breach(1, "%d child context(s) or functions of context.AfterFunc are left, the first made by\n%s",
			len(left), left[0])
	}
	ctx.end()
	if !r.c.wall {
		time.Sleep(later)
	}
	if late := ctx.lateUse(); late != "" {
		r.c.breach(1, "its context was used after it had returned, as by a timer that was not stopped:\n%s", late)
	}
}
