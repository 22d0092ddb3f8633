package stream

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/millweir/millweir/internal/watch"
)

// mux passes elements from several producer goroutines to one consumer. It keeps the order of each
// producer. Each producer has its own ring, so that no producer waits for a lock. A waiting
// consumer gets each element at once. A busy consumer takes all available elements together.
//
// The consumer checks only active rings: those that had elements recently. A producer that puts an
// element into an inactive ring then adds the ring to the list. So the cost of an element does not
// grow with the number of idle producers.
type mux[T any] struct {
	ahead    int // capacity of a ring
	consumer waiter
	listed   ringList[T]
	ended    atomic.Bool

	mu   sync.Mutex
	free []*ring[T] // of producers that have ended
}

func newMux[T any](ahead int) *mux[T] {
	return &mux[T]{ahead: ahead, consumer: newWaiter()}
}

// open returns a ring for a new producer. The producer must close it.
func (m *mux[T]) open() *ring[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.free); n > 0 {
		r := m.free[n-1]
		m.free[n-1] = nil
		m.free = m.free[:n-1]
		return r
	}
	r := newRingFor[T](m.ahead, &m.consumer)
	r.list = &m.listed
	return r
}

// close frees the ring for the next producer. The elements still in it come before those of the
// next one.
func (m *mux[T]) close(r *ring[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, r)
}

// end records that there are no more elements or producers.
func (m *mux[T]) end() {
	m.ended.Store(true)
	m.consumer.wake()
}

// drain emits the elements until the end.
func (m *mux[T]) drain(ctx context.Context, to receiver[T]) error {
	w := watch.On(ctx)
	defer w.End()
	var p pace
	var active []*ring[T]
	ready := func() bool {
		if m.ended.Load() || m.listed.isListed() {
			return true
		}
		for _, r := range active {
			if r.hasElements() {
				return true
			}
		}
		return false
	}
	for {
		// Read ended before the rings, so that every element pushed before the end is seen.
		ended := m.ended.Load()
		active = m.listed.appendTo(active)
		looked, found := len(active), 0
		kept := active[:0]
		for _, r := range active {
			n, err := r.take(&w, to)
			if err != nil {
				return err
			}
			found += n
			if n > 0 {
				r.misses = 0
			} else if r.misses++; r.misses > maxMisses && m.listed.release(r) {
				continue
			}
			kept = append(kept, r)
		}
		clear(active[len(kept):])
		active = kept
		switch {
		case found > 0:
			p.took(found, m.ahead*looked)
		case ended:
			return context.Cause(ctx) // nil, unless a cancellation was missed
		default:
			m.consumer.yield(ready)
			if err := m.consumer.until(ctx, ready, nil); err != nil {
				return err
			}
		}
	}
}
