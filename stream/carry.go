package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// Carry returns flow for elements in envelopes: what flow emits for a value goes on with that value's context.
//
// flow must emit what it makes of an element while it takes that element, as [Filter], [FlatMap] and [ConcatMap] do. A flow that
// holds elements back or works on other goroutines ([Batch], [MapN], a compressor) ends the run with an error, for it is not known what
// its elements were made of: before the first element if the flow is of this library, otherwise as soon as it is seen. For those
// there are [OnValue], [CarryBatch] and [CarrySegments]; and for contexts that are a [Checkpoint], which Carry refuses, too.
//
// Fused; it holds one context.
func Carry[C, T, U any](flow Flow[T, U]) Flow[Envelope[T, C], Envelope[U, C]] {
	switch {
	case flow == nil:
		return invalid[Envelope[T, C], Envelope[U, C]]("Carry: the flow is nil")
	case positioned[Envelope[T, C]]():
		return invalid[Envelope[T, C], Envelope[U, C]]("Carry: a checkpoint on each of several elements made of one would be " +
			"reached too early; use OnValue or CarrySegments")
	}
	return FlowFunc[Envelope[T, C], Envelope[U, C]](func(src Source[Envelope[T, C]]) Source[Envelope[U, C]] {
		return SourceFunc[Envelope[U, C]](func(ctx context.Context, emit func(Envelope[U, C]) error) error {
			var c carried[C]
			values := SourceFunc[T](func(up context.Context, emit func(T) error) error {
				if early.IsApart(up, ctx) {
					return errApart
				}
				return each(up, src, func(e Envelope[T, C]) error {
					if err := c.take(e.Context); err != nil {
						return err
					}
					if err := emit(e.Value); err != nil {
						return err
					}
					return c.taken()
				})
			})
			return each(ctx, Via(values, flow), func(u U) error {
				context, err := c.begin()
				if err != nil {
					return err
				}
				defer c.end()
				return emit(Envelope[U, C]{u, context})
			})
		})
	})
}

var errApart = invalidError("Carry: the flow holds elements back or works on other goroutines: what its elements were made of is not " +
	"known; use OnValue, CarryBatch or CarrySegments")

// apart returns flow, which holds elements back, so that [Carry] sees that.
func apart[T, U any](flow Flow[T, U]) Flow[T, U] {
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return flow.Apply(SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			return src.Each(early.Apart(ctx), emit)
		}))
	})
}

// carried is the context of the element that a flow is taking. That what the flow emits comes while it takes an element, and the
// next is not taken meanwhile, is the proof that it belongs to that element; a flow on other goroutines breaks this before long.
type carried[C any] struct {
	mu       sync.Mutex // for flows that are on other goroutines
	context  C
	taking   bool
	emitting bool
}

// take is called when the flow is given an element.
func (c *carried[C]) take(context C) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.emitting {
		return errApart
	}
	c.context, c.taking = context, true
	return nil
}

// taken is called when the flow has taken it.
func (c *carried[C]) taken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taking = false; c.emitting {
		return errApart
	}
	return nil
}

// begin is called when the flow emits, and returns the context of what it emits.
func (c *carried[C]) begin() (C, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.taking {
		var none C
		return none, errApart
	}
	c.emitting = true
	return c.context, nil
}

// end is called when the downstream has what the flow emitted.
func (c *carried[C]) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.emitting = false
}
