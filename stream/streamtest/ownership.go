package streamtest

import (
	"reflect"
	"testing"
	"time"
)

// ownership checks that an emitted slice belongs to its receiver.
func (s *suite[I, O]) ownership(t *testing.T) {
	if !owned(reflect.TypeFor[O]()) {
		return
	}
	s.try(t, "Ownership/Kept", func(c *check) {
		for _, n := range []int{s.steps, s.many} {
			in := s.chunked(n)
			whole := s.whole(c, n, in)
			c.at("the receiver keeps what it was given")
			st := s.open(n)
			a := s.attempt(c, in)
			a.do(st)
			a.completed(whole)
			if !s.singleUse {
				b := s.attempt(c, in)
				b.do(st)
				a.down.checkUnchanged("by the next run")
			}
		}
	})
	s.try(t, "Ownership/Overwritten", func(c *check) {
		for _, n := range []int{s.steps, s.many} {
			in := s.chunked(n)
			whole := s.whole(c, n, in)
			c.at("the receiver overwrites what it was given, to the slices' capacity")
			a := s.attempt(c, in)
			a.down.poison = true
			a.down.after = func(int) error { time.Sleep(c.tick / 10); return nil }
			a.do(s.open(n))
			if a.out != (outcome{}) {
				c.breach(8, "%v, though nothing failed", a.out)
			} else if d := s.differ(a.down.elements(), whole); d != "" {
				c.breach(8, "later output depends on a slice that was emitted: %s", d)
			}
		}
	})
}
