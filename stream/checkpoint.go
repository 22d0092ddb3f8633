package stream

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
)

// Checkpoint is a position in a source, as the context of an envelope. Once this element and all
// elements before it are stored, everything that the source emitted up to Position is stored. A
// reader that resumes at Position misses nothing.
//
// [Checkpoints] adds them to elements. [Acknowledge] saves them, after the stage that stores.
// Between the two, elements may pass
//   - stages that keep the order and each envelope: [Async], [Buffer], [Throttle], [Filter]; if an
//     element is dropped, the next one covers it;
//   - functions of one value, by [OnValue], in order ([TryMap], [MapParallel]…) or out of
//     order ([CarryMapUnordered]);
//   - batches of any kind, by [CarryBatch];
//   - everything else, such as compression, by [CarrySegments].
//
// Other stages that change the order ([MapUnordered], [Merge], [Balance], [GroupBy]…) refuse them.
// A checkpoint does not cover a side sink, such as the sink of [AlsoTo], which may lag by some
// elements.
type Checkpoint[P any] struct {
	Position P
	Valid    bool // false on an element that completes nothing

	number int64 // of the checkpoint in its run, from 1
}

// orElse returns c if it is valid, otherwise before.
func (c Checkpoint[P]) orElse(before Checkpoint[P]) Checkpoint[P] {
	if c.Valid {
		return c
	}
	return before
}

func (Checkpoint[P]) checkpoint() {}

// hasCheckpoint reports whether the context is a [Checkpoint].
func (Envelope[T, C]) hasCheckpoint() bool {
	var c C
	_, ok := any(c).(interface{ checkpoint() })
	return ok
}

// positioned reports whether elements of type T are envelopes with a [Checkpoint], so that their
// order matters.
func positioned[T any]() bool {
	var v T
	e, ok := any(v).(interface{ hasCheckpoint() bool })
	return ok && e.hasCheckpoint()
}

// errReorders is the error of a stage that does not keep the order of elements with a [Checkpoint].
var errReorders = invalidError(
	"the order of elements with checkpoints must be kept, by this stage it is not: they would be reached " +
		"too early (see CarryMapUnordered)")

// Checkpoints returns a flow that puts each element into an envelope with its position, which it
// gets from the function position. Place it right after the source. Positions must ascend in the
// order of the elements. Fused; it holds no element.
func Checkpoints[T, P any](position func(T) P) Flow[T, Envelope[T, Checkpoint[P]]] {
	if position == nil {
		return failFlow[T, Envelope[T, Checkpoint[P]]](errNilFunc("Checkpoints"))
	}
	clone := detacher[P]()
	return fuse(func(_ context.Context, emit func(Envelope[T, Checkpoint[P]]) error) func(T) error {
		number := int64(0)
		return func(v T) error {
			number++
			return emit(Envelope[T, Checkpoint[P]]{v, Checkpoint[P]{clone(position(v)), true, number}})
		}
	})
}

func errOutOfOrder(name string, number, last int64) error {
	return invalidError("%s: checkpoint %d comes after %d: a stage before does not keep the order",
		name, number, last)
}

// Acknowledge returns a sink that calls save with each checkpoint that arrives. Most pipelines use
// [StoreBatches], which stores and saves in the right order. Place Acknowledge after the stage that
// stores the elements and emits what it stored. Then everything up to a saved position is stored:
//
//	type event = stream.Envelope[Event, stream.Checkpoint[Token]]
//	stream.Run(ctx, stream.Via3(events,
//		stream.Checkpoints(func(e Event) Token { return e.Token }),
//		stream.CarryBatch(stream.BatchWithin[event](1000, time.Second)),
//		stream.MapParallel(4, stream.OnValue[stream.Checkpoint[Token]](insert)),
//	), stream.Acknowledge[Receipt](saveToken))
//
// Its result, also with an error, is the last checkpoint that save accepted. An error of save ends
// the run, unchanged. A checkpoint that arrives after a later one ends the run, because it means
// that a stage has changed the order.
func Acknowledge[T, P any](save func(context.Context, P) error) Sink[Envelope[T, Checkpoint[P]], Checkpoint[P]] {
	return SinkFunc[Envelope[T, Checkpoint[P]], Checkpoint[P]](func(ctx context.Context,
		src Source[Envelope[T, Checkpoint[P]]],
	) (last Checkpoint[P], _ error) {
		if save == nil {
			return last, errNilFunc("Acknowledge")
		}
		call := WithoutDrain(ctx)
		err := each(ctx, src, func(e Envelope[T, Checkpoint[P]]) error {
			c := e.Context
			switch {
			case !c.Valid, c.number > 0 && c.number == last.number:
				return nil
			case c.number > 0 && c.number < last.number:
				return errOutOfOrder("Acknowledge", c.number, last.number)
			}
			if err := save(call, c.Position); err != nil {
				return ending.Cause(ctx, err)
			}
			last = c
			return nil
		})
		return last, err
	})
}
