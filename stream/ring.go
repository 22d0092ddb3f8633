package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ring hands elements from one goroutine to one other through a bounded buffer, without a lock. Whoever finds it full or empty
// waits; nothing is held back from a consumer that waits.
type ring[T any] struct {
	buf []T // a power of two long
	cap uint64

	_        [64]byte // the two sides write to different cache lines
	tail     atomic.Uint64
	headSeen uint64      // what the producer last knew of head
	full     atomic.Bool // the producer waits for room
	_        [64]byte
	head     atomic.Uint64
	tailSeen uint64      // what the consumer last knew of tail
	idle     atomic.Bool // the consumer waits for an element
	_        [64]byte

	ended   atomic.Bool
	filled  chan struct{} // wakes the consumer
	drained chan struct{} // wakes the producer
}

var (
	errEnded = errors.New("stream: the ring is empty and ended")
	errDue   = errors.New("stream: the time is up")
)

func newRing[T any](n int) *ring[T] {
	size := 1
	for size < n {
		size *= 2
	}
	return &ring[T]{
		buf:     make([]T, size),
		cap:     uint64(n),
		filled:  make(chan struct{}, 1),
		drained: make(chan struct{}, 1),
	}
}

// push appends v, waiting for room. Only the producer calls it.
func (r *ring[T]) push(ctx context.Context, v T) error {
	t := r.tail.Load()
	if t-r.headSeen >= r.cap {
		if err := r.awaitRoom(ctx, t); err != nil {
			return err
		}
	}
	r.buf[t&uint64(len(r.buf)-1)] = v
	r.tail.Store(t + 1)
	if r.idle.Load() {
		r.wake(&r.idle, r.filled)
	}
	return nil
}

// hasRoom tells whether the next push does not wait. Only the producer calls it.
func (r *ring[T]) hasRoom() bool {
	r.headSeen = r.head.Load()
	return r.tail.Load()-r.headSeen < r.cap
}

func (r *ring[T]) awaitRoom(ctx context.Context, t uint64) error {
	for {
		if r.headSeen = r.head.Load(); t-r.headSeen < r.cap {
			return nil
		}
		r.full.Store(true)
		if r.headSeen = r.head.Load(); t-r.headSeen < r.cap {
			r.full.Store(false)
			return nil
		}
		select {
		case <-r.drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end says that no element follows. Only the producer calls it.
func (r *ring[T]) end() {
	r.ended.Store(true)
	if r.idle.Load() {
		r.wake(&r.idle, r.filled)
	}
}

// pop takes the next element, waiting for one: until ctx is done, until the time comes on due (errDue), or until the producer
// has ended (errEnded). Only the consumer calls it.
func (r *ring[T]) pop(ctx context.Context, due <-chan time.Time) (v T, err error) {
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	h := r.head.Load()
	if h == r.tailSeen {
		if err := r.awaitElement(ctx, due, h); err != nil {
			return v, err
		}
	}
	at := &r.buf[h&uint64(len(r.buf)-1)]
	var none T
	v, *at = *at, none
	r.head.Store(h + 1)
	if r.full.Load() && r.tail.Load()-(h+1) <= r.cap/2 {
		r.wake(&r.full, r.drained)
	}
	return v, nil
}

func (r *ring[T]) awaitElement(ctx context.Context, due <-chan time.Time, h uint64) error {
	for {
		ended := r.ended.Load() // before tail: what is pushed before the end is seen
		if r.tailSeen = r.tail.Load(); h != r.tailSeen {
			return nil
		}
		if ended {
			return errEnded
		}
		r.idle.Store(true)
		if r.tail.Load() != h || r.ended.Load() {
			r.idle.Store(false)
			continue
		}
		select {
		case <-r.filled:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-due:
			r.idle.Store(false)
			return errDue
		}
	}
}

// source returns the consumer's side as a source.
func (r *ring[T]) source() Source[T] {
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		for {
			v, err := r.pop(ctx, nil)
			if errors.Is(err, errEnded) {
				return nil
			}
			if err == nil {
				err = emit(v)
			}
			if err != nil {
				return err
			}
		}
	})
}

// wake ends the other side's wait, once.
func (r *ring[T]) wake(waiting *atomic.Bool, signal chan struct{}) {
	if waiting.CompareAndSwap(true, false) {
		select {
		case signal <- struct{}{}:
		default: // a wake-up of an earlier wait is still there; it will do
		}
	}
}
