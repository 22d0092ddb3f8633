package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/ending"
)

// ErrClosed is the error of a run into or out of a hub that is closed, or whose producer was stopped early. It is of class Fatal.
var ErrClosed = Mark(ending.NewEcho("stream: the hub is closed"), Fatal)

// MergeHub brings the elements of runs that come and go to one run: the hub is its source, and each [MergeHub.Sink] may be run any
// number of times, also at the same time. An element is handed over when the source takes it: nothing is buffered.
type MergeHub[T any] struct {
	elements chan T
	closed   chan struct{} // no more producers
	close    func()

	mu    sync.Mutex
	taken bool
	gone  chan struct{} // the consumer has ended
}

// NewMergeHub returns a hub without producers.
func NewMergeHub[T any]() *MergeHub[T] {
	h := &MergeHub[T]{elements: make(chan T), closed: make(chan struct{}), gone: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	return h
}

// Close completes the hub: its source completes, and runs into it end with [ErrClosed].
func (h *MergeHub[T]) Close() { h.close() }

// Each implements [Source]. It can be run once; it completes when the hub is closed, and when its run is drained.
func (h *MergeHub[T]) Each(ctx context.Context, emit func(T) error) error {
	h.mu.Lock()
	taken := h.taken
	h.taken = true
	h.mu.Unlock()
	if taken {
		return errUsed
	}
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

// Sink returns a sink into the hub, whose result is how many elements the hub took. Its runs end with [ErrClosed] when the hub is
// closed or its source has ended.
func (h *MergeHub[T]) Sink() Sink[T, int64] {
	return SinkFunc[T, int64](func(ctx context.Context, src Source[T]) (int64, error) {
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

// Hub sends the elements of one run to runs that come and go: the hub is the sink of the one, and [Hub.Source] may be run any
// number of times, also at the same time; each run sees what comes while it goes on.
type Hub[T any] struct {
	bad    error // of the settings
	ahead  int
	choose func(consumers int, v T) int // nil sends to all
	own    func(T) T

	mu        sync.Mutex
	consumers []*consumer[T]
	arrived   chan struct{} // closed and replaced when a consumer comes
	used      bool
	over      bool
	err       error // how the producer ended
}

type consumer[T any] struct {
	branch[T]
	fail    context.CancelCauseFunc
	sending sync.Mutex // held while the producer hands over an element
}

// NewBroadcastHub returns a hub that sends each element to all consumers; the slowest governs. Up to n elements wait for each.
// Elements whose type is a byte slice are copied for all consumers but one, others are shared.
func NewBroadcastHub[T any](n int) *Hub[T] {
	return newHub[T](n, nil)
}

// NewPartitionHub returns a hub that sends each element to the one consumer, of so many, whose index choose returns; they are
// numbered in the order in which they came, and close up when one goes. Up to n elements wait for each. What waits for one that
// goes is lost with it, but for the element that had no room yet, for which choose is called again.
func NewPartitionHub[T any](n int, choose func(consumers int, v T) int) *Hub[T] {
	h := newHub(n, choose)
	if choose == nil && h.bad == nil {
		h.bad = errNilFunc("NewPartitionHub")
	}
	return h
}

func newHub[T any](n int, choose func(int, T) int) *Hub[T] {
	h := &Hub[T]{ahead: n, choose: choose, own: cloner[T](), arrived: make(chan struct{})}
	if n < 1 {
		h.bad = invalidError("a hub for %d elements a consumer; it must be at least 1", n)
	}
	return h
}

// Consume implements [Sink]; its result is how many elements were sent. It can be run once. It waits while there is no consumer.
// When it completes, so do the consumers; when it fails, they fail with its error; when it is stopped early, because the run that
// it is a part of has had enough, they fail with [ErrClosed].
func (h *Hub[T]) Consume(ctx context.Context, src Source[T]) (n int64, err error) {
	if err := h.begin(); err != nil {
		return 0, err
	}
	defer context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, c := range h.consumers {
			c.halt(context.Cause(ctx))
		}
	})()
	ended := false
	defer func() {
		if !ended { // a panic
			h.end(errBroke)
		}
	}()
	err = src.Each(ctx, func(v T) error {
		if err := h.send(ctx, v); err != nil {
			return err
		}
		n++
		return nil
	})
	ended = true
	h.end(err)
	return n, err
}

func (h *Hub[T]) begin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.bad != nil:
		return h.bad
	case h.used:
		return errUsed
	}
	h.used = true
	return nil
}

// send sends v to the consumers there are, waiting for one if there is none.
func (h *Hub[T]) send(ctx context.Context, v T) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h.mu.Lock()
		to, arrived := append([]*consumer[T](nil), h.consumers...), h.arrived
		h.mu.Unlock()
		if len(to) > 0 {
			if taken, err := h.push(v, to); taken || err != nil {
				return err
			}
			continue // they have left, and others may have come
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// push sends v to those of to that are to have it, and tells whether one of them took it.
func (h *Hub[T]) push(v T, to []*consumer[T]) (taken bool, err error) {
	if h.choose != nil {
		i := h.choose(len(to), v)
		if i < 0 || i >= len(to) {
			return false, invalidError("hub: consumer %d of %d", i, len(to))
		}
		to = to[i : i+1]
	}
	for i := len(to) - 1; i >= 0; i-- {
		mine := v
		if i > 0 {
			mine = h.own(v)
		}
		switch err := to[i].offer(mine); {
		case err == nil:
			taken = true
		case !errors.Is(err, errLeft):
			return taken, err
		}
	}
	return taken, nil
}

// offer sends v; its error is errLeft when the consumer has left, also while v waited for room.
func (c *consumer[T]) offer(v T) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.left.Load() {
		return errLeft
	}
	return c.q.push(c.open, v)
}

// drain refuses what is still to come; what has come is the consumer's, and then its end.
func (c *consumer[T]) drain() {
	c.leave()
	c.sending.Lock()
	defer c.sending.Unlock()
	c.q.end()
}

// foreign returns how a producer that ended with err ended for runs that are not its own: an early end, which completes its run
// and no other, is an error there.
func foreign(err error) error {
	var early *stop
	if !errors.As(err, &early) {
		return err
	}
	for errors.As(err, &early) && errors.Is(err, early) {
		err = without(err, early)
	}
	if err != nil {
		return fmt.Errorf("stream: the producer of the hub was stopped early: %w: %w", ErrClosed, err)
	}
	return fmt.Errorf("stream: the producer of the hub was stopped early: %w", ErrClosed)
}

// end lets the consumers know how the producer ended.
func (h *Hub[T]) end(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err = foreign(err)
	h.over, h.err = true, err
	for _, c := range h.consumers {
		if err == nil {
			c.q.end()
		} else {
			c.fail(err)
		}
	}
}

// remove takes c out of the consumers.
func (h *Hub[T]) remove(c *consumer[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.consumers {
		if other == c {
			h.consumers = append(h.consumers[:i:i], h.consumers[i+1:]...)
			return
		}
	}
}

// Source returns a source of what comes to the hub while it runs. It completes or fails as the producer does; after that it ends
// at once. When its run is drained it completes with what waits for it.
func (h *Hub[T]) Source() Source[T] {
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if h.bad != nil {
			return h.bad
		}
		ctx, fail := context.WithCancelCause(ctx)
		defer fail(nil)
		// A producer that waits for this consumer must not fail with it: its branch has a context of its own.
		c := &consumer[T]{branch: newBranch[T](context.Background(), h.ahead), fail: fail}
		h.mu.Lock()
		if h.over {
			defer h.mu.Unlock()
			return h.err
		}
		h.consumers = append(h.consumers, c)
		close(h.arrived)
		h.arrived = make(chan struct{})
		h.mu.Unlock()
		defer func() {
			h.remove(c)
			c.leave()
		}()
		defer drain.OnBegin(ctx, func() {
			h.remove(c)
			c.drain()
		})()
		return c.q.source().Each(ctx, emit)
	})
}
