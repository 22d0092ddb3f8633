package stream

import (
	"context"
	"iter"
)

// Expand returns a flow for a downstream that is faster than its upstream. It calls f for each
// element and emits the values that f yields until the next element comes. The first value is
// always emitted. To emit the element itself, let f yield it first. For the last element, only the
// first value is guaranteed.
//
//   - Memory: one element.
//   - Order and goroutines: one goroutine for the upstream, which has ended when the run returns.
//   - Errors: an error of the upstream ends the run at once.
func Expand[T, U any](f func(T) iter.Seq[U]) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("Expand: the function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		var next T
		var fresh bool
		return gated(ctx, src, func(ctx context.Context, g *gate, v T) error {
			return g.when(ctx, func() bool { return !fresh }, func() { next, fresh = v, true })
		}, func(ctx context.Context, g *gate) (bool, error) {
			var last T
			more := false
			err := g.when(ctx, func() bool { return fresh || g.ended }, func() {
				last, more, fresh = next, fresh, false
			})
			if err != nil || !more {
				return false, err
			}
			for u := range f(last) {
				if err := emit(u); err != nil {
					return false, err
				}
				over := false
				g.mu.Lock()
				over = fresh || g.ended || g.halted
				g.mu.Unlock()
				if over {
					break
				}
			}
			return true, nil
		})
	})
}
