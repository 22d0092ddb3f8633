package stream

import (
	"context"
	"sync/atomic"
)

// mergeAhead is how many elements of a source a merge holds for its downstream at most.
const mergeAhead = 64

// Merge returns a source that runs the given ones at the same time and emits their elements as they come. It completes when all
// have completed.
//
//   - Memory: up to 64 elements a source.
//   - Order and goroutines: the elements of one source keep their order; one goroutine a source, all have ended when the run returns.
//   - Errors: the first error of a source ends the run and the other sources.
func Merge[T any](srcs ...Source[T]) Source[T] {
	for _, src := range srcs {
		if src == nil {
			return Fail[T](errNilSource)
		}
	}
	return merging(func(ctx context.Context, spawn func(Source[T], func())) error {
		for _, src := range srcs {
			spawn(src, nil)
		}
		return nil
	})
}

// MergeMap returns a flow that runs, for each element, the source that f makes of it, up to n of them at the same time, and emits
// their elements as they come. f is called by one goroutine, in the order of the elements.
//
//   - Memory: up to 64 elements for each of the n.
//   - Order and goroutines: the elements of one source keep their order; n goroutines run the sources and one the upstream; all
//     have ended when the run returns.
//   - Errors: the first error of a source ends the run and the other sources.
func MergeMap[T, U any](n int, f func(T) Source[U]) Flow[T, U] {
	switch {
	case n < 1:
		return invalid[T, U]("MergeMap: %d sources at once; it must be at least 1", n)
	case f == nil:
		return invalid[T, U]("MergeMap: the function is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			places := make(chan struct{}, n)
			leave := func() { <-places }
			return src.Each(ctx, func(v T) error {
				select {
				case places <- struct{}{}:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				spawn(undrained(f(v)), leave)
				return nil
			})
		})
	})
}

// merging returns a source that emits what the sources emit that feed spawns. When one has ended and its ring is free for the
// next, after is called, unless it is nil. feed runs on a goroutine too.
func merging[T any](feed func(ctx context.Context, spawn func(src Source[T], after func())) error) Source[T] {
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return sliceSource[T](func(ctx context.Context, to receiver[T]) error {
		g, ctx := NewGroup(ctx)
		m := newMux[T](mergeAhead)
		var running atomic.Int64
		run := func(f func() error) {
			running.Add(1)
			g.Go(func() error {
				defer func() {
					if running.Add(-1) == 0 {
						m.end()
					}
				}()
				return f()
			})
		}
		run(func() error {
			return feed(ctx, func(src Source[T], after func()) {
				run(func() error {
					if after != nil {
						defer after()
					}
					r := m.open()
					defer m.close(r)
					return pour(ctx, src, r.receiver(ctx))
				})
			})
		})
		return g.Do(func() error { return m.drain(ctx, to) })
	})
}
