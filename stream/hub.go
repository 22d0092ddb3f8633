package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/ending"
)

// ErrClosed is the error of a run into or out of a hub that is closed or whose producer was stopped
// early. It is of class Fatal.
var ErrClosed = Mark(ending.NewEcho("stream: the hub is closed"), Fatal)

// Hub sends the elements of one run to runs that come and go. The hub is the sink of that run.
// [Hub.Source] returns a source that may be run any number of times, also concurrently. Each run
// gets the elements that arrive while it is active.
type Hub[T any] struct {
	bad    error // the error of the settings
	ahead  int
	choose func(consumers int, v T) int // nil sends to all
	clone  func(T) T

	mu        sync.Mutex
	consumers []*consumer[T] // replaced, never changed: a send in progress uses the old slice
	arrived   chan struct{}  // closed and replaced when a consumer joins
	used      bool
	over      bool
	err       error // how the producer ended

	ties ties
}

// NewBroadcastHub returns a hub that sends each element to all consumers. The slowest consumer sets
// the pace. Up to n elements wait for each consumer. If the elements are byte slices, all consumers
// but one get copies; other elements are shared.
func NewBroadcastHub[T any](n int) *Hub[T] {
	return newHub[T](n, nil)
}

// NewPartitionHub returns a hub that sends each element to one consumer. choose gets the number of
// consumers and returns the index of one. Consumers are numbered in the order in which they joined;
// when one leaves, the later ones move up.
//
// Up to n elements wait for each consumer. When a consumer leaves, the elements that wait for it
// are lost. An element that was still waiting for room is sent again: choose is called for it once
// more.
func NewPartitionHub[T any](n int, choose func(consumers int, v T) int) *Hub[T] {
	h := newHub(n, choose)
	if choose == nil && h.bad == nil {
		h.bad = errNilFunc("NewPartitionHub")
	}
	return h
}

func newHub[T any](n int, choose func(int, T) int) *Hub[T] {
	h := &Hub[T]{ahead: n, choose: choose, clone: cloner[T](), arrived: make(chan struct{})}
	h.ties.producers.once = true
	if n < 1 {
		h.bad = invalidError("a hub for %d elements a consumer; it must be at least 1", n)
	}
	return h
}

// Consume implements [Sink]. Its result is the number of elements that it sent. It can be run once,
// and waits while there is no consumer. When it completes, the consumers complete; when it fails,
// they fail with its error. When it is stopped early, because its run has ended early, they fail
// with [ErrClosed].
func (h *Hub[T]) Consume(ctx context.Context, src Source[T]) (n int64, err error) {
	if err := h.begin(); err != nil {
		return 0, err
	}
	defer h.ties.produce(ctx)()
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
			h.end(errAborted)
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

// send sends v to the current consumers. If there is none, it waits for one.
func (h *Hub[T]) send(ctx context.Context, v T) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h.mu.Lock()
		to, arrived := h.consumers, h.arrived
		h.mu.Unlock()
		if len(to) > 0 {
			if taken, err := h.push(v, to); taken || err != nil {
				return err
			}
			continue // the consumers have left, and others may have joined
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// push sends v to one or all consumers of to, and reports whether at least one took it.
func (h *Hub[T]) push(v T, to []*consumer[T]) (taken bool, err error) {
	if h.choose != nil {
		i := h.choose(len(to), v)
		if i < 0 || i >= len(to) {
			return false, invalidError("hub: consumer %d of %d", i, len(to))
		}
		to = to[i : i+1]
	}
	for i := len(to) - 1; i >= 0; i-- {
		copied := v
		if i > 0 {
			copied = h.clone(v)
		}
		switch err := to[i].offer(copied); {
		case err == nil:
			taken = true
		case !errors.Is(err, errLeft):
			return taken, err
		}
	}
	return taken, nil
}

// foreign turns err, the error of the producer's end, into the error for the consumers. An early
// end completes the producer's run, but not theirs: for them it is an error.
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

// end passes the end of the producer on to the consumers.
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

// remove removes c from the consumers.
func (h *Hub[T]) remove(c *consumer[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.consumers, c); i >= 0 {
		h.consumers = slices.Concat(h.consumers[:i], h.consumers[i+1:])
	}
}

// Source returns a source of the elements that arrive at the hub while it runs. It completes or
// fails when the producer does; after that it ends at once. When its run is drained, it emits its
// waiting elements and completes.
func (h *Hub[T]) Source() Source[T] {
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if h.bad != nil {
			return h.bad
		}
		defer h.ties.consume(ctx)()
		ctx, fail := context.WithCancelCause(ctx)
		defer fail(nil)
		// The branch does not use ctx: if this consumer is cancelled, a producer that waits for it
		// must not fail.
		c := &consumer[T]{branch: newBranch[T](context.Background(), h.ahead), fail: fail}
		h.mu.Lock()
		if h.over {
			defer h.mu.Unlock()
			return h.err
		}
		h.consumers = append(slices.Clip(h.consumers), c)
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
