package stream

import "context"

// Envelope is an element with a context that travels beside it: a position in the source, an acknowledgement.
type Envelope[T, C any] struct {
	Value   T
	Context C
}

// Carry returns flow for elements in envelopes: what flow emits for a value goes on with that value's context. What it emits for
// several values, a batch, or after the last one, gets the context of the latest.
//
// flow must be fused, as those that start no goroutines are. Memory: one context and what flow holds.
func Carry[C, T, U any](flow Flow[T, U]) Flow[Envelope[T, C], Envelope[U, C]] {
	if flow == nil {
		return invalid[Envelope[T, C], Envelope[U, C]]("Carry: the flow is nil")
	}
	return FlowFunc[Envelope[T, C], Envelope[U, C]](func(src Source[Envelope[T, C]]) Source[Envelope[U, C]] {
		return SourceFunc[Envelope[U, C]](func(ctx context.Context, emit func(Envelope[U, C]) error) error {
			var latest C
			values := Via(src, Map(func(e Envelope[T, C]) T {
				latest = e.Context
				return e.Value
			}))
			return each(ctx, Via(values, flow), func(u U) error { return emit(Envelope[U, C]{u, latest}) })
		})
	})
}
