package stream

import "context"

// Envelope is an element with a context that travels with it: a file name, a key, or a position in
// the source (see [Checkpoint]).
type Envelope[T, C any] struct {
	Value   T
	Context C
}

// OnValue returns f for elements in envelopes: each result of f goes into the envelope of its
// value. Use it with the stages that call a function for each element, on any goroutine: [TryMap],
// [MapParallel], [MapKeyed], [Supervise].
//
//	stream.MapParallel(8, stream.OnValue[Position](encode))
func OnValue[C, T, U any](f func(context.Context, T) (U, error)) func(
	context.Context, Envelope[T, C]) (Envelope[U, C], error) {
	if f == nil {
		return nil // the stage reports a nil function
	}
	return func(ctx context.Context, e Envelope[T, C]) (Envelope[U, C], error) {
		u, err := f(ctx, e.Value)
		return Envelope[U, C]{u, e.Context}, err
	}
}

// CarryBatch returns batch for elements in envelopes. batch gathers envelopes, as [BatchWithin]
// does; CarryBatch puts all values of a batch into one envelope, with the context of the last.
//
//	stream.CarryBatch(stream.BatchWithin[stream.Envelope[Doc, Position]](1000, time.Second))
//
// Memory, goroutines and errors are those of batch. An empty batch is dropped.
func CarryBatch[T, C any](batch Flow[Envelope[T, C], []Envelope[T, C]]) Flow[Envelope[T, C], Envelope[[]T, C]] {
	if batch == nil {
		return failFlow[Envelope[T, C], Envelope[[]T, C]](errNilFlow)
	}
	return Then(batch, FilterMap(func(es []Envelope[T, C]) (all Envelope[[]T, C], some bool) {
		all.Value = make([]T, len(es))
		for i, e := range es {
			all.Value[i] = e.Value
			all.Context = later(all.Context, e.Context)
		}
		return all, len(es) > 0
	}))
}

// later returns the context of one element made of two consecutive ones: next or, for checkpoints,
// the last valid one.
func later[C any](before, next C) C {
	if c, ok := any(next).(interface{ orElse(C) C }); ok {
		return c.orElse(before)
	}
	return next
}
