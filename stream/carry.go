package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// Carry returns flow for elements in envelopes: each output of flow gets the context of the input
// that it was made from. Fused; it holds one context.
//
// flow must emit its output for an element while it takes that element, as [Filter], [FlatMap] and
// [ConcatMap] do. A flow that holds elements back or works on other goroutines ([Batch],
// [MapParallel], a compressor) ends the run with an error, because the origin of its output is not
// known. For a flow of this library, the run fails before the first element. For any other flow, it
// fails once Carry detects the violation.
//
// Use [OnValue], [CarryBatch] and [CarrySegments] for such flows, and for contexts that are a
// [Checkpoint], which Carry refuses.
func Carry[C, T, U any](flow Flow[T, U]) Flow[Envelope[T, C], Envelope[U, C]] {
	switch {
	case flow == nil:
		return invalid[Envelope[T, C], Envelope[U, C]]("Carry: the flow is nil")
	case positioned[Envelope[T, C]]():
		return invalid[Envelope[T, C], Envelope[U, C]](
			"Carry: a checkpoint on each of several elements made of one would be " +
				"reached too early; use OnValue or CarrySegments")
	}
	return NewFlow(func(ctx context.Context, src Source[Envelope[T, C]], emit func(Envelope[U, C]) error) error {
		var c carried[C]
		values := SourceFunc[T](func(up context.Context, emit func(T) error) error {
			if early.IsDetached(up, ctx) {
				return errDetached
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
}

var errDetached = invalidError(
	"Carry: the flow holds elements back or works on other goroutines: what its elements were made of is not " +
		"known; use OnValue, CarryBatch or CarrySegments")

// detachedFlow returns flow, marked as a flow that holds elements back, so that [Carry] refuses it.
func detachedFlow[T, U any](flow Flow[T, U]) Flow[T, U] {
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return flow.Apply(SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			return src.Each(early.Detached(ctx), emit)
		}))
	})
}

// carried holds the context of the element that a flow is taking. An output belongs to that element
// if the flow emits it while it takes the element, and takes no other element before that emit
// returns. A flow that works on other goroutines violates this sooner or later, and carried then
// returns errDetached.
type carried[C any] struct {
	mu       sync.Mutex // the flow may work on other goroutines
	context  C
	taking   bool
	emitting bool
}

// take is called before the flow gets an element.
func (c *carried[C]) take(context C) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.emitting {
		return errDetached
	}
	c.context, c.taking = context, true
	return nil
}

// taken is called after the flow has taken the element.
func (c *carried[C]) taken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taking = false; c.emitting {
		return errDetached
	}
	return nil
}

// begin is called when the flow emits. It returns the context of the emitted element.
func (c *carried[C]) begin() (C, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.taking {
		var none C
		return none, errDetached
	}
	c.emitting = true
	return c.context, nil
}

// end is called after the downstream has taken the emitted element.
func (c *carried[C]) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.emitting = false
}
