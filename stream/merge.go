package stream

import (
	"context"
	"sync/atomic"
)

// mergeAhead is the most elements of one source that a merge buffers.
const mergeAhead = 64

// Merge returns a source that runs srcs concurrently and emits their elements as they arrive. It
// completes when all of them have completed. The elements of one source keep their order.
//
//   - Memory: up to 64 elements a source.
//   - Goroutines: one a source; all have ended when the run returns.
//   - Errors: the first error of a source ends the run and stops the other sources.
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

// MergeMap returns a flow that calls f for each element, runs up to n of the returned sources
// concurrently, and emits their elements as they arrive. The elements of one source keep their
// order. One goroutine calls f, in the order of the elements.
//
//   - Memory: up to 64 elements for each of the n.
//   - Goroutines: n run the sources, and one runs the upstream; all have ended when the run
//     returns.
//   - Errors: the first error of a source ends the run and stops the other sources.
func MergeMap[T, U any](n int, f func(T) Source[U]) Flow[T, U] {
	switch {
	case n < 1:
		return invalid[T, U]("MergeMap: %d sources at once; it must be at least 1", n)
	case f == nil:
		return invalid[T, U]("MergeMap: the function is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			slots := make(chan struct{}, n)
			leave := func() { <-slots }
			return src.Each(ctx, func(v T) error {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				spawn(undrained(f(v)), leave)
				return nil
			})
		})
	})
}

// merging returns a source that emits the elements of all sources that feed spawns. When a source
// has ended and its ring is free for another, merging calls after, unless it is nil. feed runs on
// its own goroutine.
func merging[T any](feed func(ctx context.Context, spawn func(src Source[T], after func())) error) Source[T] {
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return sliceSource[T](func(ctx context.Context, to receiver[T]) error {
		g, ctx := NewGroup(ctx)
		m := newMux[T](mergeAhead)
		var running atomic.Int64
		branch := inBranch(ctx)
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
					return pour(branch, src, r.receiver(branch))
				})
			})
		})
		return g.Do(func() error { return m.drain(ctx, to) })
	})
}
