package stream

import "context"

// Conflate returns a flow that never makes its upstream wait: elements that come while the downstream is busy are made one by
// add, beginning with seed of the first, and the downstream gets the sum when it is free: progress reports, of which the last counts.
//
//   - Memory: one sum.
//   - Order and goroutines: one goroutine for the upstream, which also calls seed and add; it has ended when the run returns.
//   - Errors: an error of the upstream overtakes the sum.
func Conflate[T, S any](seed func(T) S, add func(S, T) S) Flow[T, S] {
	if seed == nil || add == nil {
		return invalid[T, S]("Conflate: a function is nil")
	}
	return conflate(0, nil, seed, add)
}

// BatchSlow is [Conflate] with a bound: when the elements of a sum cost max together, as cost tells, the upstream waits. A cost
// of nil counts each element as 1. An element that costs more than max is a sum of its own.
func BatchSlow[T, S any](max int64, cost func(T) int64, seed func(T) S, add func(S, T) S) Flow[T, S] {
	switch {
	case max < 1:
		return invalid[T, S]("BatchSlow: a cost of at most %d; it must be at least 1", max)
	case seed == nil || add == nil:
		return invalid[T, S]("BatchSlow: a function is nil")
	}
	if cost == nil {
		cost = func(T) int64 { return 1 }
	}
	return conflate(max, cost, seed, add)
}

func conflate[T, S any](max int64, cost func(T) int64, seed func(T) S, add func(S, T) S) Flow[T, S] {
	return FlowFunc[T, S](func(src Source[T]) Source[S] {
		return SourceFunc[S](func(ctx context.Context, emit func(S) error) error {
			var sum S
			var some bool
			var spent int64
			return gated(ctx, src, func(ctx context.Context, g *gate, v T) error {
				price := int64(0)
				if cost != nil {
					price = cost(v)
				}
				var none, old S
				had := false
				err := g.when(ctx, func() bool { return !some || spent+price <= max }, func() {
					old, had = sum, some
					sum, some = none, false // nobody takes it meanwhile
					if !had {
						spent = 0
					}
					spent += price
				})
				if err != nil {
					return err
				}
				if had { // outside the gate, for they are the user's and may block
					old = add(old, v)
				} else {
					old = seed(v)
				}
				g.do(func() { sum, some = old, true })
				return nil
			}, func(ctx context.Context, g *gate) (bool, error) {
				var out S
				more := false
				err := g.when(ctx, func() bool { return some || g.ended }, func() {
					var none S
					out, more = sum, some
					sum, some = none, false
				})
				if err != nil || !more {
					return false, err
				}
				return true, emit(out)
			})
		})
	})
}
