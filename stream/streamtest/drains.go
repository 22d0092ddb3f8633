package streamtest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// stopsUpstream checks that the stage takes no more from the upstream once emit has failed.
func (s *suite[I, O]) stopsUpstream(t *testing.T) {
	s.try(t, "DownstreamError/UpstreamStops", func(c *check) {
		if c.wall {
			c.Skip("not checked on the wall clock, where the upstream cannot know when the stage has noticed")
		}
		in := s.elements(s.many)
		at, whole := s.emits(c, s.many, in)
		for k := range at {
			c.at("emit %d of %d fails", k+1, len(whole))
			a := s.attempt(c, in)
			var failed atomic.Bool
			a.down.after = func(i int) error {
				if i < k {
					return nil
				}
				failed.Store(true)
				return errDownstream
			}
			taken, late := 0, false
			a.up.before = func(context.Context, int) error {
				if late {
					taken++
				}
				if late = failed.Load(); late {
					time.Sleep(c.tick) // gives the stage time to end the upstream
				}
				return nil
			}
			a.do(s.open(s.many))
			if taken > 0 && !a.out.hung {
				c.breach(4, "%d more elements were taken from the upstream after emit had failed", taken)
			}
		}
	})
}
