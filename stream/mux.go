package stream

import (
	"context"
	"sync"
)

// mux brings the elements of several goroutines to one, in the order in which they come. Nothing is held back from a consumer
// that waits; under load it takes all that is there at once.
type mux[T any] struct {
	mu      sync.Mutex
	room    sync.Cond
	some    sync.Cond
	buf     []T
	spare   []T
	limit   int
	idle    bool // the consumer waits
	blocked int  // producers that wait
	ended   bool
	halted  bool
}

func newMux[T any](limit int) *mux[T] {
	m := &mux[T]{limit: limit}
	m.room.L, m.some.L = &m.mu, &m.mu
	return m
}

// halt ends all waiting: the run's context is done.
func (m *mux[T]) halt() {
	m.mu.Lock()
	m.halted = true
	m.mu.Unlock()
	m.room.Broadcast()
	m.some.Broadcast()
}

// end says that no element follows.
func (m *mux[T]) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.some.Broadcast()
}

// push appends v, waiting for room.
func (m *mux[T]) push(ctx context.Context, v T) error {
	m.mu.Lock()
	for len(m.buf) >= m.limit && !m.halted {
		m.blocked++
		m.room.Wait()
		m.blocked--
	}
	if m.halted {
		m.mu.Unlock()
		return context.Cause(ctx)
	}
	m.buf = append(m.buf, v)
	wake := m.idle
	m.idle = false
	m.mu.Unlock()
	if wake {
		m.some.Signal()
	}
	return nil
}

// drain emits the elements until the end.
func (m *mux[T]) drain(ctx context.Context, emit func(T) error) error {
	var none T
	for {
		batch, err := m.take(ctx)
		if len(batch) == 0 {
			return err
		}
		for i, v := range batch {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			batch[i] = none
			if err := emit(v); err != nil {
				return err
			}
		}
		m.spare = batch[:0]
	}
}

// take waits for elements and takes all that are there; none means that none follow.
func (m *mux[T]) take(ctx context.Context) ([]T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.buf) == 0 && !m.halted {
		if m.ended {
			return nil, nil
		}
		m.idle = true
		m.some.Wait()
	}
	if m.halted {
		return nil, context.Cause(ctx)
	}
	batch := m.buf
	m.buf, m.spare = m.spare, nil
	if m.blocked > 0 {
		m.room.Broadcast()
	}
	return batch, nil
}
