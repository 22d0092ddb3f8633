package stream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millweir/millweir/internal/watch"
)

// mux passes elements from several producer goroutines to one consumer. It keeps the order of each
// producer. Each producer has its own ring, so that no producer waits for a lock. A waiting
// consumer gets each element at once, and a busy one takes all that are there.
type mux[T any] struct {
	ahead    int // capacity of a ring
	consumer waiter
	rings    atomic.Pointer[[]*ring[T]] // written under mu
	ended    atomic.Bool

	mu   sync.Mutex
	free []*ring[T] // of producers that have ended
}

func newMux[T any](ahead int) *mux[T] {
	m := &mux[T]{ahead: ahead, consumer: newWaiter()}
	m.rings.Store(new([]*ring[T]))
	return m
}

// open returns a ring for a new producer. The producer must close it.
func (m *mux[T]) open() *ring[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.free); n > 0 {
		r := m.free[n-1]
		m.free = m.free[:n-1]
		return r
	}
	r := newRingFor[T](m.ahead, &m.consumer)
	all := append(slices.Clip(*m.rings.Load()), r)
	m.rings.Store(&all)
	return r
}

// close frees the ring for the next producer. The elements still in it come before those of the
// next one.
func (m *mux[T]) close(r *ring[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, r)
}

// end records that no element and no producer follow.
func (m *mux[T]) end() {
	m.ended.Store(true)
	m.consumer.wake()
}

// drain emits the elements until the end.
func (m *mux[T]) drain(ctx context.Context, to receiver[T]) error {
	w := watch.On(ctx)
	defer w.End()
	var p pace
	ready := func() bool {
		if m.ended.Load() {
			return true
		}
		for _, r := range *m.rings.Load() {
			if r.some() {
				return true
			}
		}
		return false
	}
	for {
		ended := m.ended.Load() // before the rings, so that every element pushed before the end is seen
		found, rings := 0, *m.rings.Load()
		for _, r := range rings {
			n, err := r.take(&w, to)
			if err != nil {
				return err
			}
			found += n
		}
		switch {
		case found > 0:
			p.took(found, m.ahead*len(rings))
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
