package stream

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
)

// MapParallel returns a flow that emits f(ctx, v) for each element v, in order, with up to n
// concurrent calls of f.
//
// Workers take elements in chunks, so that a cheap f has little overhead. A chunk is sized for 40
// µs of work: one element if f is slow, up to 64 if it is quick. An idle worker takes a chunk
// before it is full. If a call turns out slow, MapParallel breaks up its chunk after a few
// milliseconds, so that idle workers and the downstream do not wait for it. Therefore a call of f
// may wait for the results of earlier elements without a deadlock.
//
//   - Memory: 2n+1 elements and results if f is slow. If it is quick, up to 2n+64 of them, but for
//     n up to 32 up to 64 times 2n+1.
//   - Goroutines: n call f, and one runs the upstream; all have ended when the run returns.
//   - Errors: the first error of f ends the run, unchanged, and cancels the context of the other
//     calls. Pending results are dropped.
func MapParallel[T, U any](n int, f func(context.Context, T) (U, error)) Flow[T, U] {
	return mapParallel("MapParallel", n, inOrder, f)
}

// MapUnordered is [MapParallel] without the order: it emits each result when it is ready, so that a
// slow call does not delay the results of later elements.
func MapUnordered[T, U any](n int, f func(context.Context, T) (U, error)) Flow[T, U] {
	return mapParallel("MapUnordered", n, anyOrder, f)
}

func mapParallel[T, U any](name string, n int, order mapOrder, f func(context.Context, T) (U, error)) Flow[T, U] {
	switch {
	case n < 1 || n > mostAhead:
		return invalid[T, U]("%s: %d calls at once; it must be 1 to %d", name, n, mostAhead)
	case f == nil:
		return invalid[T, U]("%s: the function is nil", name)
	case order == anyOrder && positioned[T]():
		return failFlow[T, U](errReorders)
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return sliceSource[U](func(ctx context.Context, to receiver[U]) error {
			g, ctx := NewGroup(ctx)
			m := newMapping[T, U](n, order)
			defer context.AfterFunc(ctx, m.stop)()
			defer m.stop()
			g.Go(func() error {
				err := pour(ctx, src, m.receiver(ctx))
				if err == nil {
					m.end()
				}
				return err
			})
			calls := inBranch(WithoutDrain(ctx))
			for range n {
				g.Go(func() error { return ending.Cause(ctx, m.work(calls, f)) })
			}
			return g.Do(func() error { return m.drain(ctx, to) })
		})
	})
}
