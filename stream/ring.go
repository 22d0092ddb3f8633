package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/watch"
)

// ring passes elements from one goroutine to another through a bounded buffer, without a lock. The
// producer waits if it is full, the consumer if it is empty. A waiting consumer gets each element
// at once.
type ring[T any] struct {
	buf    []T // its length is a power of two
	mask   uint64
	cap    uint64
	stride uint64 // elements the consumer takes before it publishes head, unless the producer waits

	consumer *waiter      // waits for elements; shared by all rings of one consumer
	list     *ringList[T] // lists rings with elements; nil if the consumer has only this ring

	_          [64]byte // padding: one side's fields share no cache line with the other's
	tail       atomic.Uint64
	headSeen   uint64      // the producer's last view of head
	active     atomic.Bool // the ring is listed, or its consumer checks it
	nextListed *ring[T]    // the next ring of the list
	_          [64]byte
	head       atomic.Uint64
	taken      uint64 // elements taken; published as head
	misses     int    // empty checks in a row
	_          [64]byte
	producer   waiter // waits for room
	ended      atomic.Bool
}

// mostAhead is the largest accepted number of elements or calls in flight. No machine has room for
// more, so a larger setting is a mistake.
const mostAhead = 1 << 30

var errEnded = errors.New("stream: the ring is empty and ended")

// newRing returns a ring of n elements with its own consumer. While the downstream processes
// elements, the consumer may hold back up to a quarter of the ring, so that the producer finds that
// much less room.
func newRing[T any](n int) *ring[T] {
	w := newWaiter()
	return newRingFor[T](n, &w)
}

func newRingFor[T any](n int, consumer *waiter) *ring[T] {
	stride := max(1, n/8)
	size := 1
	for size < n {
		size *= 2
	}
	return &ring[T]{
		buf:      make([]T, size),
		mask:     uint64(size - 1),
		cap:      uint64(n),
		stride:   uint64(stride),
		producer: newWaiter(),
		consumer: consumer,
	}
}

// push appends v and waits for room if there is none. Only the producer calls it.
func (r *ring[T]) push(ctx context.Context, v T) error {
	t := r.tail.Load()
	if t-r.headSeen >= r.cap {
		if err := r.awaitRoom(ctx); err != nil {
			return err
		}
	}
	r.buf[t&r.mask] = v
	r.tail.Store(t + 1)
	r.pushed()
	return nil
}

// pushed lets the consumer know that the ring has elements.
func (r *ring[T]) pushed() {
	if r.list != nil && !r.active.Load() {
		r.list.add(r)
	}
	if r.consumer.waits.Load() {
		r.consumer.wake()
	}
}

// pushAll appends vs as push would, and waits for room as needed.
func (r *ring[T]) pushAll(ctx context.Context, vs []T) error {
	for len(vs) > 0 {
		n := min(r.room(len(vs)), len(vs))
		if n == 0 {
			if err := r.awaitRoom(ctx); err != nil {
				return err
			}
			continue
		}
		t := r.tail.Load()
		from := int(t & r.mask)
		k := copy(r.buf[from:], vs[:n])
		copy(r.buf, vs[k:n])
		r.tail.Store(t + uint64(n))
		r.pushed()
		vs = vs[n:]
	}
	return nil
}

// receiver returns a receiver that stores elements in the ring.
func (r *ring[T]) receiver(ctx context.Context) receiver[T] {
	return receiver[T]{
		one:  func(v T) error { return r.push(ctx, v) },
		many: func(vs []T) error { return r.pushAll(ctx, vs) },
	}
}

// room returns the number of elements for which there is room. If it returns at least want, there
// may be more. Only the producer calls it.
func (r *ring[T]) room(want int) int {
	t := r.tail.Load()
	if r.cap-(t-r.headSeen) < uint64(want) {
		r.headSeen = r.head.Load()
	}
	return int(r.cap - (t - r.headSeen))
}

// hasRoom reports whether the next push returns without waiting. Only the producer calls it.
func (r *ring[T]) hasRoom() bool { return r.room(1) > 0 }

func (r *ring[T]) awaitRoom(ctx context.Context) error {
	if r.hasRoom() {
		return nil
	}
	half := int(r.cap+1) / 2
	// Room for one element is not worth a context switch.
	r.producer.yield(func() bool { return r.room(half) >= half })
	if r.hasRoom() {
		return nil
	}
	return r.producer.until(ctx, r.hasRoom, nil)
}

// end records that there are no more elements. Only the producer calls it.
func (r *ring[T]) end() {
	r.ended.Store(true)
	r.consumer.wake()
}

// pop takes the next element and waits for one if there is none. It fails with the cause of ctx
// when ctx is done, with errDue when due fires, and with errEnded when the producer has ended. Only
// the consumer calls it.
func (r *ring[T]) pop(ctx context.Context, due <-chan time.Time) (v T, err error) {
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	if err := r.await(ctx, due); err != nil {
		return v, err
	}
	v = r.next()
	r.publish()
	return v, nil
}

// await waits for an element.
func (r *ring[T]) await(ctx context.Context, due <-chan time.Time) error {
	for {
		ended := r.ended.Load() // before tail, so that every element pushed before the end is seen
		if r.hasElements() {
			return nil
		}
		if ended {
			return errEnded
		}
		ready := func() bool { return r.hasElements() || r.ended.Load() }
		r.consumer.yield(ready)
		if err := r.consumer.until(ctx, ready, due); err != nil {
			return err
		}
	}
}

// hasElements reports whether an element is available.
func (r *ring[T]) hasElements() bool { return r.tail.Load() != r.taken }

// next takes the next element, which must be available.
func (r *ring[T]) next() T {
	at := &r.buf[r.taken&r.mask]
	v := *at
	var none T
	*at = none
	r.taken++
	return v
}

// publish tells the producer how many elements were taken. It wakes a waiting producer once half of
// the ring is empty.
func (r *ring[T]) publish() {
	r.head.Store(r.taken)
	if r.producer.waits.Load() && r.tail.Load()-r.taken <= r.cap/2 {
		r.producer.wake()
	}
}

// take passes on the available elements and returns their number. Only the consumer calls it.
func (r *ring[T]) take(w *watch.Context, to receiver[T]) (n int, err error) {
	first, last := r.taken, r.tail.Load()
	for r.taken != last {
		if w.Check.Load() && w.Done() {
			return int(r.taken - first), w.Cause()
		}
		if to.many != nil {
			if err := r.lend(last, to.many); err != nil {
				return int(r.taken - first), err
			}
			continue
		}
		v := r.next()
		if r.taken-r.head.Load() >= r.stride || r.producer.waits.Load() {
			r.publish()
		}
		if err := to.one(v); err != nil {
			return int(r.taken - first), err
		}
	}
	if r.taken != first {
		r.publish()
	}
	return int(r.taken - first), nil
}

// lend passes on elements before last in place, without a copy: at most a quarter of the ring, so
// that the producer can use the rest.
func (r *ring[T]) lend(last uint64, take func([]T) error) error {
	from := r.taken & r.mask
	n := min(last-r.taken, r.mask+1-from, 2*r.stride)
	vs := r.buf[from : from+n : from+n]
	if err := take(vs); err != nil {
		return err
	}
	clear(vs)
	r.taken += n
	r.publish()
	return nil
}

// source returns a source of the elements, for the consumer.
func (r *ring[T]) source() Source[T] { return sliceSource[T](r.drain) }

// drain passes on the elements until the producer has ended.
func (r *ring[T]) drain(ctx context.Context, to receiver[T]) error {
	w := watch.On(ctx)
	defer w.End()
	var p pace
	for {
		if err := r.await(ctx, nil); err == errEnded {
			return context.Cause(ctx) // nil, unless a cancellation was missed
		} else if err != nil {
			return err
		}
		n, err := r.take(&w, to)
		if err != nil {
			return err
		}
		p.took(n, int(r.cap))
	}
}
