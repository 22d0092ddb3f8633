package streamtest

import (
	"context"
	"runtime"
	"testing"

	"github.com/millweir/millweir/stream"
)

// panics checks that a panic or a runtime.Goexit in a neighbour reaches the caller's goroutine
// after the upstream has cleaned up.
func (s *suite[I, O]) panics(t *testing.T) {
	const value = "streamtest: a panic on purpose, which rule 10 wants to see in the goroutine that called Run; " +
		"if it ended the test binary, then the stage called its neighbour on a goroutine of its own " +
		"without stream.Group"
	failed := t.Failed()
	safe := func(c *check) {
		c.Helper()
		if failed {
			c.Skip("not checked, for other checks failed: the panic could end the test binary, and hide what they said")
		}
		c.breaks = true
	}
	ways := []struct {
		name string
		do   func()
	}{
		{"Panic", func() { panic(value) }},
		{"Goexit", runtime.Goexit},
	}
	for _, way := range ways {
		if s.kind != "source" {
			s.try(t, way.name+"/Upstream", func(c *check) {
				safe(c)
				in := s.stepped()
				whole := s.whole(c, s.steps, in)
				reached := s.reached(c, s.steps, in)
				for k := range c.spots(in.len + 1) {
					if k >= reached {
						break
					}
					c.at("the upstream's code ends by %s after %d of %d elements", way.name, k, in.len)
					a := s.attempt(c, in)
					a.up.before = func(_ context.Context, i int) error {
						if i == k {
							way.do()
						}
						return nil
					}
					a.broke(s.open(s.steps))
					a.surfaced(way.name, value)
					a.began(whole)
				}
			})
		}
		if s.kind != "sink" {
			s.try(t, way.name+"/Downstream", func(c *check) {
				safe(c)
				in := s.stepped()
				at, whole := s.emits(c, s.steps, in)
				for k := range at {
					c.at("emit %d of %d ends by %s", k+1, len(whole), way.name)
					a := s.attempt(c, in)
					a.down.after = func(i int) error {
						if i == k {
							way.do()
						}
						return nil
					}
					a.broke(s.open(s.steps))
					if !a.unreached(k) {
						a.surfaced(way.name, value)
					}
				}
			})
		}
	}
}

// broke does a run in which a neighbour panics or ends its goroutine.
func (a *attempt[I, O]) broke(st stage[I, O]) {
	a.start(func() error {
		defer func() {
			a.up.mu.Lock()
			defer a.up.mu.Unlock()
			if a.up.runs > 0 && !a.up.cleaned {
				a.c.breach(10, "it came out before the upstream had cleaned up")
			}
		}()
		return st(a.run, a.up, a.down.emit)
	})
	a.finish()
}

// surfaced reports a breach unless the run ended as a neighbour's panic or Goexit must end it.
func (a *attempt[I, O]) surfaced(way string, value any) {
	switch {
	case a.out.hung:
	case way == "Goexit":
		if a.out == (outcome{}) {
			a.c.breach(10, "nil was returned, as if the run were complete")
		}
	case !isPanic(a.out.panicked, value):
		a.c.breach(10, "%v, expected the panic with %q, or a *stream.PanicError that holds it", a.out, value)
	}
}

// isPanic reports whether got is v or a *stream.PanicError with v.
func isPanic(got, v any) bool {
	if p, ok := got.(*stream.PanicError); ok {
		got = p.Value
	}
	return got == v
}
