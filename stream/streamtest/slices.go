package streamtest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
)

// slices repeats checks for a stage that emits or takes slices of elements, as [stream.SliceSource]
// does. Its neighbours do the same. open makes the stage between such neighbours. After a run, used
// reports whether the stage used slices.
func (s *suite[I, O]) slices(t *testing.T, open func(n int) stage[I, O], used func() bool) {
	if s.singleUse {
		return
	}
	t.Run("Slices", func(t *testing.T) {
		by := *s
		by.open = open
		if !s.sliced(t, by) || !used() {
			return
		}
		if s.kind != "source" {
			by.upstreamErrors(t)
			by.cleanUpErrors(t)
		}
		if s.kind != "sink" {
			by.downstreamErrors(t)
			by.earlyEnds(t)
		}
		by.cancels(t)
		by.ownership(t)
		by.panics(t)
	})
}

// sliced checks that the output in slices equals the output element by element.
func (s *suite[I, O]) sliced(t *testing.T, by suite[I, O]) bool {
	return s.try(t, "Whole", func(c *check) {
		for _, n := range []int{0, 1, s.steps, s.many} {
			in := s.elements(n)
			whole := s.whole(c, n, in)
			c.at("%d records by slices", n)
			a := by.attempt(c, in)
			a.do(by.open(n))
			a.completed(whole)
		}
	})
}

// bySlices runs src into emit, by slices if src has them.
func bySlices[T any](r *run, src stream.Source[T], emit func(T) error) error {
	s, ok := src.(stream.SliceSource[T])
	if !ok {
		return src.Each(r.ctx, emit)
	}
	late := r.ctx.Err() != nil
	return s.EachSlice(r.ctx, func(vs []T) error {
		switch {
		case len(vs) == 0:
			r.c.breach(0, "an empty slice was handed on; a slice has at least one element")
		case late:
			r.c.breach(7, "a slice was handed on though the context was done before the start")
		}
		for _, v := range vs {
			if r.ctx.Err() != nil {
				return context.Cause(r.ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// slicer is a sender that passes on two elements at once, and reuses their slice as soon as it may.
type slicer[T any] struct {
	*sender[T]
	asked *atomic.Bool // set when the stage uses slices
}

// EachSlice implements stream.SliceSource.
func (s slicer[T]) EachSlice(ctx context.Context, take func([]T) error) error {
	s.asked.Store(true)
	var pair []T
	hand := func() error {
		err := take(pair)
		clear(pair)
		pair = pair[:0]
		return err
	}
	err := s.Each(ctx, func(v T) error {
		if pair = append(pair, v); len(pair) < 2 {
			return nil
		}
		return hand()
	})
	if err == nil && len(pair) > 0 {
		return hand()
	}
	return err
}
