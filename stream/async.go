package stream

import "context"

// Async returns a flow that runs its upstream on a separate goroutine, up to n elements ahead of
// its downstream, so that both work at the same time. A waiting downstream gets each element at
// once.
//
//   - Memory: n elements; the upstream may already wait when three quarters of n are held.
//   - Order and goroutines: the order is kept; one goroutine, which has ended when the run returns.
//   - Errors: an error of the upstream overtakes the waiting elements, which are lost. Place
//     [CompleteOn] before Async.
func Async[T any](n int) Flow[T, T] {
	if n < 1 || n > mostAhead {
		return invalid[T, T]("Async: %d elements ahead; it must be 1 to %d", n, mostAhead)
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return sliceSource[T](func(ctx context.Context, to receiver[T]) error {
			return runAhead(ctx, src, n, func(ctx context.Context, q *ring[T]) error { return q.drain(ctx, to) })
		})
	})
}

// runAhead runs src on a separate goroutine into a ring of n elements, and consume on the caller's
// goroutine.
func runAhead[T any](ctx context.Context, src Source[T], n int, consume func(context.Context, *ring[T]) error) error {
	g, ctx := NewGroup(ctx)
	q := newRing[T](n)
	g.Go(func() error {
		err := pour(ctx, src, q.receiver(ctx))
		if err == nil {
			q.end()
		}
		return err
	})
	return g.Do(func() error { return consume(ctx, q) })
}
