package stream

import "context"

// CarryMapUnordered returns [MapUnordered] for elements in envelopes with a [Checkpoint]. It emits
// each result when it is ready, with the low-water mark: the checkpoint up to which all results
// have been emitted. A result that overtakes an earlier one carries no checkpoint. The overtaken
// result carries the checkpoint that covers both.
//
// Memory, goroutines and errors are those of MapUnordered. It also holds one checkpoint for each
// element since the oldest in flight, so f must have a timeout: if one call hangs while others
// continue, that number grows without limit.
func CarryMapUnordered[P, T, U any](n int,
	f func(context.Context, T) (U, error),
) Flow[Envelope[T, Checkpoint[P]], Envelope[U, Checkpoint[P]]] {
	type (
		in    = Envelope[T, Checkpoint[P]]
		out   = Envelope[U, Checkpoint[P]]
		begun = Envelope[T, *Receipt[Checkpoint[P]]]
		ended = Envelope[U, *Receipt[Checkpoint[P]]]
	)
	calls := mapParallel("CarryMapUnordered", n, anyOrder, OnValue[*Receipt[Checkpoint[P]]](f))
	return NewFlow(func(ctx context.Context, src Source[in], emit func(out) error) error {
		var inside LowWater[Checkpoint[P]]
		taken := Via(src, Map(func(e in) begun { return begun{e.Value, inside.Begin(e.Context)} }))
		return each(ctx, Via(taken, calls), func(e ended) error {
			o := out{Value: e.Value}
			if mark, moved := e.Context.Done(); moved {
				o.Context = mark
			}
			return emit(o)
		})
	})
}
