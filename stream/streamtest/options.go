package streamtest

import (
	"reflect"
	"testing"
)

// suite holds the settings that the three kinds of stages share: how the checks run and compare.
type suite[I, O any] struct {
	kind string // source, flow or sink

	input func(n int) []I // the upstream's elements for n records; nil for a source
	open  func(n int) stage[I, O]
	build func(a *attempt[I, O]) error           // makes the stage without running it
	want  func(c *check, n int, in []I, out []O) // checks a complete run; may be nil
	view  func(out []O) any                      // may be nil
	seen  func() bool                            // reports whether a sink's work is visible; may be nil

	cutIn, cutOut bool // in, out are byte chunks, whose boundaries have no meaning

	unordered, varies, early, restarts, readsOn, singleUse, wallClock bool

	steps, many, large, readAhead int

	idle []string

	cache map[string][]O
}

// stage is one constructed stage. Each call is a run of it. A source ignores up, and a sink ignores
// emit.
type stage[I, O any] func(r *run, up *sender[I], emit func(O) error) error

const (
	defaultSteps = 5
	defaultMany  = 100
)

// basics sets the defaults and makes the checks that suit every stage. It returns false if the
// stage cannot be made.
func (s *suite[I, O]) basics(t *testing.T, bad []stage[I, O]) bool {
	s.fill()
	if !s.constructor(t) {
		return false
	}
	s.wholeRuns(t)
	s.reuse(t)
	for i, b := range bad {
		s.badSettings(t, i, b)
	}
	return true
}

func (s *suite[I, O]) fill() {
	if s.steps == 0 {
		s.steps = defaultSteps
	}
	if s.many == 0 {
		s.many = defaultMany
	}
	s.cache = map[string][]O{}
}

// isChunk reports whether T is []byte itself: a chunk of a byte stream, rather than a record type
// based on it.
func isChunk[T any]() bool {
	return reflect.TypeFor[T]() == reflect.TypeFor[[]byte]()
}
