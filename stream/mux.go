package stream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millweir/millweir/internal/watch"
)

// mux brings the elements of several goroutines to one, those of one goroutine in their order. Each producer has a ring of its
// own, so that none waits for a lock; nothing is held back from a consumer that waits, and under load it takes all that is there.
type mux[T any] struct {
	ahead    int // elements in a ring
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

// open returns the ring of a new producer, which closes it.
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

// close gives the ring to the next producer. Elements that are still in it stay before that one's.
func (m *mux[T]) close(r *ring[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, r)
}

// end says that no element follows and no producer.
func (m *mux[T]) end() {
	m.ended.Store(true)
	m.consumer.wake()
}

// drain hands on the elements until the end.
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
		ended := m.ended.Load() // before the rings: what is pushed before the end is seen
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
			return context.Cause(ctx) // nil, unless a cancel was not seen yet
		default:
			m.consumer.yield(ready)
			if err := m.consumer.until(ctx, ready, nil); err != nil {
				return err
			}
		}
	}
}
