package stream

import "context"

// Envelope is an element with a context that travels with it: the name of its file, its key, its position in the source (see
// [Checkpoint]).
type Envelope[T, C any] struct {
	Value   T
	Context C
}

// OnValue returns f for elements in envelopes: what f makes of a value goes on in that value's envelope. It fits the stages that
// call a function for each element, on their goroutines or not: [TryMap], [MapN], [MapKeyed], [RetryMap], [Supervise].
//
//	stream.MapN(8, stream.OnValue[Position](encode))
func OnValue[C, T, U any](f func(context.Context, T) (U, error)) func(context.Context, Envelope[T, C]) (Envelope[U, C], error) {
	if f == nil {
		return nil // which the stage reports
	}
	return func(ctx context.Context, e Envelope[T, C]) (Envelope[U, C], error) {
		u, err := f(ctx, e.Value)
		return Envelope[U, C]{u, e.Context}, err
	}
}

// CarryBatch returns batch for elements in envelopes: one that gathers envelopes, such as [BatchWithin], becomes one that emits an
// envelope of all their values, with the context of the last.
//
//	stream.CarryBatch(stream.BatchWithin[stream.Envelope[Doc, Position]](1000, time.Second))
//
// Memory, goroutines and errors are those of batch. An empty batch is dropped.
func CarryBatch[T, C any](batch Flow[Envelope[T, C], []Envelope[T, C]]) Flow[Envelope[T, C], Envelope[[]T, C]] {
	if batch == nil {
		return failFlow[Envelope[T, C], Envelope[[]T, C]](errNilFlow)
	}
	return Join(batch, FilterMap(func(es []Envelope[T, C]) (all Envelope[[]T, C], some bool) {
		all.Value = make([]T, len(es))
		for i, e := range es {
			all.Value[i] = e.Value
			all.Context = later(all.Context, e.Context)
		}
		return all, len(es) > 0
	}))
}

// later returns the context of two elements in a row that are one now: next, but the last checkpoint where they are checkpoints.
func later[C any](before, next C) C {
	if c, ok := any(next).(interface{ orElse(C) C }); ok {
		return c.orElse(before)
	}
	return next
}
