package stream

import (
	"context"
	"reflect"
)

// AsyncBytes returns a flow that runs its upstream on a separate goroutine. The upstream runs ahead
// of the downstream by up to max bytes; size returns the bytes of an element. Use [ByteLen] as the
// size of chunks and raw documents.
//
//   - Memory: max bytes, at least one element. An element takes its size and its slot: 24 bytes for
//     a slice, 12 on a 32-bit system. With a [Budget] of at least max bytes, it begins with up to
//     64 KiB and takes more while there is room. A budget below max is an error of the run.
//   - Order and goroutines: the order is kept; one goroutine, which has ended when the run returns.
//   - Errors: an error of the upstream overtakes the waiting elements.
func AsyncBytes[T any](max int, size func(T) int) Flow[T, T] {
	switch {
	case max < 1:
		return invalid[T, T]("AsyncBytes: %d bytes; it must be at least 1", max)
	case size == nil:
		return invalid[T, T]("AsyncBytes: the size function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		q := &bytesQueue[T]{max: int64(max), size: elementBytes(size), account: OpenAccount(ctx, Need{
			Stage:     "AsyncBytes",
			Min:       int64(min(max, asyncBytesLeast)),
			Requested: int64(max),
		})}
		defer q.account.Close()
		return gated(ctx, src, q.put, func(ctx context.Context, g *gate) (bool, error) { return q.take(ctx, g, emit) })
	})
}

// asyncBytesLeast is the minimum of an [AsyncBytes] with a large maximum: enough that it takes many
// small elements at a time.
const asyncBytesLeast = 64 << 10

// elementBytes returns a function for the bytes that an element takes in a queue. It is at least 1,
// so that the number of elements is bounded.
func elementBytes[T any](size func(T) int) func(T) int64 {
	slot := max(1, int64(reflect.TypeFor[T]().Size()))
	return func(v T) int64 { return slot + int64(max(0, size(v))) }
}

// bytesQueue holds the elements of one run of [AsyncBytes].
type bytesQueue[T any] struct {
	max     int64
	size    func(T) int64
	account *Account

	// guarded by the gate
	held    int64
	waiting []weighed[T]

	batch []weighed[T] // what take emits next
}

type weighed[T any] struct {
	v     T
	bytes int64
}

// put adds v when there is room for it.
func (q *bytesQueue[T]) put(ctx context.Context, g *gate, v T) error {
	w := weighed[T]{v, q.size(v)}
	fits := func() bool { return q.held == 0 || w.bytes <= q.max-q.held }
	if q.account == nil {
		return g.when(ctx, fits, func() { q.held += w.bytes; q.waiting = append(q.waiting, w) })
	}
	if err := g.when(ctx, fits, func() { q.held += w.bytes }); err != nil {
		return err
	}
	if err := q.account.Acquire(ctx, w.bytes); err != nil {
		return err
	}
	g.do(func() { q.waiting = append(q.waiting, w) })
	return nil
}

// take emits all waiting elements. It returns false at the end.
func (q *bytesQueue[T]) take(ctx context.Context, g *gate, emit func(T) error) (bool, error) {
	clear(q.batch)
	err := g.when(ctx, func() bool { return len(q.waiting) > 0 || g.ended }, func() {
		q.waiting, q.batch = q.batch[:0], q.waiting
	})
	if err != nil || len(q.batch) == 0 {
		return false, err
	}
	for i, w := range q.batch {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		q.batch[i] = weighed[T]{}
		// Before emit: the element now belongs to the downstream.
		q.account.Release(w.bytes)
		g.do(func() { q.held -= w.bytes })
		if err := emit(w.v); err != nil {
			return false, err
		}
	}
	return true, nil
}
