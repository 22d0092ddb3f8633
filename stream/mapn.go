package stream

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
)

// MapN returns a flow that emits f of each element, in the order of the elements, with up to n calls of f at once.
//
// Elements are handed to the workers in chunks: of one while f is slow or workers wait, of up to 64 when f takes less than some
// microseconds, so that a cheap f costs little more than its call. Nothing is held back from a worker or
// a downstream that waits, but for some milliseconds where a call is slow after many that were quick. So f may wait for what becomes of
// the elements before its own.
//
//   - Memory: at most 2n+1 chunks of elements and results: 2n+1 elements where f is slow, 64 times as many where it is quick.
//   - Order and goroutines: the order is kept; n goroutines call f and one runs the upstream; all have ended when the run returns.
//   - Errors: the first error of f ends the run, as it is; the context of the other calls is cancelled. Results that wait are dropped.
func MapN[T, U any](n int, f func(context.Context, T) (U, error)) Flow[T, U] {
	return mapParallel("MapN", n, true, f)
}

// MapUnordered is [MapN] without the order: results are emitted as they come, so that a slow call does not hold up those after it.
func MapUnordered[T, U any](n int, f func(context.Context, T) (U, error)) Flow[T, U] {
	return mapParallel("MapUnordered", n, false, f)
}

func mapParallel[T, U any](name string, n int, order bool, f func(context.Context, T) (U, error)) Flow[T, U] {
	switch {
	case n < 1 || n > mostAhead:
		return invalid[T, U]("%s: %d calls at once; it must be 1 to %d", name, n, mostAhead)
	case f == nil:
		return invalid[T, U]("%s: the function is nil", name)
	case !order && positioned[T]():
		return failFlow[T, U](errReorders)
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return sliceSource[U](func(ctx context.Context, to receiver[U]) error {
			g, ctx := NewGroup(ctx)
			m := newMapping[T, U](n, order)
			defer context.AfterFunc(ctx, m.halt)()
			defer m.stop()
			g.Go(func() error {
				err := pour(ctx, src, m.receiver(ctx))
				if err == nil {
					m.end()
				}
				return err
			})
			for range n {
				g.Go(func() error { return ending.Cause(ctx, m.work(WithoutDrain(ctx), f)) })
			}
			return g.Do(func() error { return m.drain(ctx, to) })
		})
	})
}
