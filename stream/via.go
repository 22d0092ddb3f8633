package stream

import "context"

// Via returns the source that emits the output of f for src.
func Via[A, B any](src Source[A], f Flow[A, B]) Source[B] {
	if src == nil {
		return Fail[B](errNilSource)
	}
	if f == nil {
		return Fail[B](errNilFlow)
	}
	return f.Apply(src)
}

// Via2 is [Via] for two flows, in the order of the data.
func Via2[A, B, C any](src Source[A], f Flow[A, B], g Flow[B, C]) Source[C] {
	return Via(Via(src, f), g)
}

// Via3 is [Via] for three flows, in the order of the data. To add more, combine two flows with
// [Then].
func Via3[A, B, C, D any](src Source[A], f Flow[A, B], g Flow[B, C], h Flow[C, D]) Source[D] {
	return Via(Via2(src, f, g), h)
}

// Then returns a flow that applies f, then g.
func Then[A, B, C any](f Flow[A, B], g Flow[B, C]) Flow[A, C] {
	return FlowFunc[A, C](func(src Source[A]) Source[C] { return Via2(src, f, g) })
}

// Into returns a sink that runs its input through f into sink.
func Into[A, B, R any](f Flow[A, B], sink Sink[B, R]) Sink[A, R] {
	return SinkFunc[A, R](func(ctx context.Context, src Source[A]) (R, error) {
		return consume(ctx, Via(src, f), sink)
	})
}
