package stream

import "context"

// Conflate returns a flow that never makes its upstream wait. While the downstream is busy, it
// merges the elements that arrive into one sum: seed makes a sum from the first element, and add
// adds another. The downstream gets the sum when it is free. Use it when only the latest state
// counts, for example for progress reports.
//
//   - Memory: one sum.
//   - Order and goroutines: one goroutine for the upstream, which also calls seed and add and has
//     ended when the run returns.
//   - Errors: an error of the upstream overtakes the sum.
func Conflate[T, S any](seed func(T) S, add func(S, T) S) Flow[T, S] {
	if seed == nil || add == nil {
		return invalid[T, S]("Conflate: a function is nil")
	}
	return conflate(0, nil, seed, add)
}

// ConflateUpTo is [Conflate] with a limit: it makes the upstream wait when another element would
// raise the cost of the sum above max. If cost is nil, each element costs 1. An element that costs
// more than max forms its own sum.
func ConflateUpTo[T, S any](max int64, cost func(T) int64, seed func(T) S, add func(S, T) S) Flow[T, S] {
	switch {
	case max < 1:
		return invalid[T, S]("ConflateUpTo: a cost of at most %d; it must be at least 1", max)
	case seed == nil || add == nil:
		return invalid[T, S]("ConflateUpTo: a function is nil")
	}
	if cost == nil {
		cost = func(T) int64 { return 1 }
	}
	return conflate(max, cost, seed, add)
}

func conflate[T, S any](max int64, cost func(T) int64, seed func(T) S, add func(S, T) S) Flow[T, S] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func(S) error) error {
		var sum S
		var hasSum bool
		var spent int64
		return gated(ctx, src, func(ctx context.Context, g *gate, v T) error {
			price := int64(0)
			if cost != nil {
				price = cost(v)
			}
			var none, old S
			hadSum := false
			err := g.when(ctx, func() bool { return !hasSum || spent+price <= max }, func() {
				old, hadSum = sum, hasSum
				sum, hasSum = none, false // so that take waits until the new sum is stored
				if !hadSum {
					spent = 0
				}
				spent += price
			})
			if err != nil {
				return err
			}
			if hadSum { // outside the gate, because add and seed may block
				old = add(old, v)
			} else {
				old = seed(v)
			}
			g.do(func() { sum, hasSum = old, true })
			return nil
		}, func(ctx context.Context, g *gate) (bool, error) {
			var out S
			more := false
			err := g.when(ctx, func() bool { return hasSum || g.ended }, func() {
				var none S
				out, more = sum, hasSum
				sum, hasSum = none, false
			})
			if err != nil || !more {
				return false, err
			}
			return true, emit(out)
		})
	})
}
