package sink

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/budgetplace"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// ForEachParallel returns a sink that calls f with each element, with up to n concurrent calls in
// any order.
//
//   - Result: the number of calls that succeeded, also with an error.
//   - Memory: 2n elements, in calls or waiting for one, if f is slow; up to 64 times that if f
//     takes less than about a microsecond.
//   - Goroutines: n call f, and the caller's runs the upstream; all have ended when the run
//     returns.
//   - Errors: the first error of f ends the run, is returned unwrapped, and cancels the context of
//     the other calls.
func ForEachParallel[T any](n int, f func(context.Context, T) error) stream.Sink[T, int64] {
	switch {
	case n < 1:
		return invalid[T, int64]("ForEachParallel: %d calls at once; it must be at least 1", n)
	case f == nil:
		return invalid[T, int64]("ForEachParallel: the function is nil")
	}
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (int64, error) {
		var succeeded atomic.Int64
		g, ctx := stream.NewGroup(ctx)
		q := newWorkQueue[T](n)
		defer context.AfterFunc(ctx, q.stop)()
		for range n {
			g.Go(func() error { return callAll(ctx, q, f, &succeeded) })
		}
		err := g.Do(func() error {
			err := src.Each(ctx, func(v T) error { return q.put(ctx, v) })
			if err == nil {
				q.end()
			}
			return err
		})
		return succeeded.Load(), err
	})
}

// callAll calls f for the elements of chunk after chunk of q, until none is left.
func callAll[T any](ctx context.Context, q *workQueue[T], f func(context.Context, T) error,
	succeeded *atomic.Int64,
) error {
	callCtx := budgetplace.InBranch(stream.WithoutDrain(ctx))
	for chunk := q.take(nil); len(chunk) > 0; chunk = q.take(chunk) {
		began := time.Now()
		for _, v := range chunk {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := f(callCtx, v); err != nil {
				return ending.Cause(ctx, err)
			}
			succeeded.Add(1)
		}
		q.resize(len(chunk), time.Since(began))
	}
	return context.Cause(ctx) // nil, unless a cancellation has ended the queue early
}
