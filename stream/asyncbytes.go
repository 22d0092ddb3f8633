package stream

import (
	"context"
	"reflect"
)

// AsyncBytes returns a flow that runs its upstream on a separate goroutine. The upstream runs ahead
// of the downstream while b has bytes for the elements between them; size returns the bytes of an
// element. Any number of stages of any pipelines may share b without a deadlock, see [Budget]. Use
// [ByteLen] as the size of chunks and raw documents.
//
//   - Memory: what b allows, at least one element. An element takes its size and its slot: 24 bytes
//     for a slice, 12 on a 32-bit system.
//   - Order and goroutines: the order is kept; one goroutine, which has ended when the run returns.
//   - Errors: an error of the upstream overtakes the waiting elements.
func AsyncBytes[T any](b *Budget, size func(T) int) Flow[T, T] {
	switch {
	case b == nil:
		return invalid[T, T]("AsyncBytes: the budget is nil")
	case b.bad != nil:
		return failFlow[T, T](b.bad)
	case size == nil:
		return invalid[T, T]("AsyncBytes: the size function is nil")
	}
	slot := max(1, int64(reflect.TypeFor[T]().Size()))
	type weighed struct {
		v     T
		bytes int64
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		account := b.Account()
		defer account.Close()
		var waiting, batch []weighed
		return gated(ctx, src, func(ctx context.Context, g *gate, v T) error {
			w := weighed{v, slot + int64(max(0, size(v)))}
			if err := account.Acquire(ctx, w.bytes); err != nil {
				return err
			}
			g.do(func() { waiting = append(waiting, w) })
			return nil
		}, func(ctx context.Context, g *gate) (bool, error) {
			clear(batch)
			err := g.when(ctx, func() bool { return len(waiting) > 0 || g.ended }, func() {
				waiting, batch = batch[:0], waiting
			})
			if err != nil || len(batch) == 0 {
				return false, err
			}
			for i, w := range batch {
				if ctx.Err() != nil {
					return false, context.Cause(ctx)
				}
				batch[i] = weighed{}
				account.Release(w.bytes) // before emit: the element now belongs to the downstream
				if err := emit(w.v); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	})
}
