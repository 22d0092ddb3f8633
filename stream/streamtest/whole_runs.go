package streamtest

import (
	"context"
	"math"
	"testing"
	"time"
)

// wholeRuns checks undisturbed runs: with no, one and many records, with the input split
// differently, and with a slow neighbour.
func (s *suite[I, O]) wholeRuns(t *testing.T) {
	for _, size := range []struct {
		name string
		n    int
	}{{"Empty", 0}, {"One", 1}, {"Many", s.many}} {
		s.try(t, size.name, func(c *check) {
			in := s.elements(size.n)
			whole := s.whole(c, size.n, in)
			if s.want != nil {
				c.at("%d records", size.n)
				s.want(c, size.n, in.make(), cloneAll(whole))
			}
		})
	}
	if s.cutIn {
		s.cuts(t)
	}
	if s.kind != "source" {
		s.try(t, "SlowUpstream", func(c *check) {
			in := s.stepped()
			whole := s.whole(c, s.steps, in)
			c.at("every element of the upstream comes %v late", c.tick)
			a := s.attempt(c, in)
			a.up.before = func(context.Context, int) error { time.Sleep(c.tick); return nil }
			a.do(s.open(s.steps))
			a.completed(whole)
		})
	}
	if s.kind != "sink" {
		s.try(t, "SlowDownstream", func(c *check) {
			in := s.stepped()
			whole := s.whole(c, s.steps, in)
			c.at("every emit takes %v", c.tick)
			a := s.attempt(c, in)
			a.down.after = func(int) error { time.Sleep(c.tick); return nil }
			a.do(s.open(s.steps))
			a.completed(whole)
		})
	}
}

// cuts checks that the boundaries of the input's chunks have no meaning.
func (s *suite[I, O]) cuts(t *testing.T) {
	for _, cut := range []struct {
		name string
		size int
	}{{"OneByteChunks", 1}, {"OddChunks", 7}, {"HugeChunk", math.MaxInt}} {
		s.try(t, cut.name, func(c *check) {
			for _, n := range []int{0, 1, s.steps, s.many, s.large} {
				in := s.elements(n)
				if cut.size < 1<<10 && len(join(in.make())) > 64<<10 {
					continue // would take too long; shorter inputs cover this
				}
				whole := s.whole(c, n, in)
				c.at("the input of %d records is cut into chunks of %d bytes", n, min(cut.size, len(join(in.make()))))
				a := s.attempt(c, in.cut(cut.size))
				a.do(s.open(n))
				a.completed(whole)
				if s.want != nil {
					s.want(c, n, in.make(), a.down.elements())
				}
			}
		})
	}
}
