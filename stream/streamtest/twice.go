package streamtest

import (
	"testing"

	"github.com/millweir/millweir/stream"
)

// inOnePipeline checks that a flow can be used twice in one pipeline: its runs must not share
// state, such as a lock.
func inOnePipeline[I, O any](s *suite[I, O], t *testing.T, f func() stream.Flow[I, O]) {
	chain := func(first, second stream.Flow[I, O]) stage[I, O] {
		return func(r *run, up *sender[I], emit func(O) error) error {
			between := any(first.Apply(up)).(stream.Source[I])
			return second.Apply(between).Each(r.ctx, emit)
		}
	}
	if _, same := any(stream.Fail[O](errUpstream)).(stream.Source[I]); !same {
		return
	}
	s.try(t, "TwiceInOnePipeline", func(c *check) {
		in := s.stepped()
		c.at("two flows of New, one after the other in one pipeline")
		want := s.attempt(c, in)
		want.do(chain(f(), f()))
		if want.out != (outcome{}) {
			return // the flow does not accept its own output
		}
		c.at("the same flow twice, one after the other in one pipeline")
		a := s.attempt(c, in)
		flow := f()
		a.do(chain(flow, flow))
		if whole := want.down.elements(); s.view == nil {
			a.afresh(whole)
		} else {
			a.completed(nil) // View describes the output of one flow only
		}
	})
}
