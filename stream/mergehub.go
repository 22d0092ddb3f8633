package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/drain"
)

// MergeHub sends the elements of runs that come and go to one run. The hub is the source of that
// run. [MergeHub.Sink] returns a sink that may be run any number of times, also concurrently. A
// producer blocks until the source takes its element: nothing is buffered.
type MergeHub[T any] struct {
	elements chan T
	closed   chan struct{} // closed by Close: no more producers
	close    func()

	mu    sync.Mutex
	taken bool
	gone  chan struct{} // closed when the consumer has ended

	ties ties
}

// NewMergeHub returns a hub without producers.
func NewMergeHub[T any]() *MergeHub[T] {
	h := &MergeHub[T]{elements: make(chan T), closed: make(chan struct{}), gone: make(chan struct{})}
	h.ties.consumers.once = true
	h.close = sync.OnceFunc(func() { close(h.closed) })
	return h
}

// Close completes the hub. Its source completes, and runs into it end with [ErrClosed].
func (h *MergeHub[T]) Close() { h.close() }

// Each implements [Source]. It can be run once. It completes when the hub is closed or its run is
// drained.
func (h *MergeHub[T]) Each(ctx context.Context, emit func(T) error) error {
	h.mu.Lock()
	taken := h.taken
	h.taken = true
	h.mu.Unlock()
	if taken {
		return errUsed
	}
	defer h.ties.consume(ctx)()
	defer close(h.gone)
	drained := drain.Done(ctx)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case v := <-h.elements:
			if err := emit(v); err != nil {
				return err
			}
		case <-h.closed:
			return context.Cause(ctx)
		case <-drained:
			return context.Cause(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Sink returns a sink into the hub. Its result is the number of elements that the hub took. Its
// runs end with [ErrClosed] when the hub is closed or its source has ended.
func (h *MergeHub[T]) Sink() Sink[T, int64] {
	return SinkFunc[T, int64](func(ctx context.Context, src Source[T]) (int64, error) {
		defer h.ties.produce(ctx)()
		var n int64
		err := src.Each(ctx, func(v T) error {
			select {
			case <-h.closed:
				return ErrClosed
			default:
			}
			select {
			case h.elements <- v:
				n++
				return nil
			case <-h.closed:
				return ErrClosed
			case <-h.gone:
				return ErrClosed
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		return n, err
	})
}
