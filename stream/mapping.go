package stream

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	mapChunk  = 64                    // elements in a chunk at most
	mapTarget = 40 * time.Microsecond // so much work in a chunk makes its hand-over cheap
)

// mapping is one run of [MapN] or [MapUnordered]. Chunks stand in the order of their elements. The upstream fills the last one, workers take the
// first that nobody has, the downstream takes the first of all when it is done, or, where order does not matter, any that is done.
type mapping[T, U any] struct {
	mu     sync.Mutex
	room   sync.Cond // the upstream waits for a place
	ready  sync.Cond // workers wait for elements
	done   sync.Cond // the downstream waits for the first chunk
	chunks []*mapped[T, U]
	taken  int // so many of chunks, from the first, are with workers or done
	limit  int // chunks at most
	order  bool
	size   int // elements in a chunk, at present
	idle   int // workers that wait and were not yet woken
	ended  bool
	halted bool
	free   []*mapped[T, U] // used chunks
}

// mapped is a chunk of elements that becomes a chunk of results.
type mapped[T, U any] struct {
	in   []T
	out  []U
	done bool
}

func newMapping[T, U any](n int, order bool) *mapping[T, U] {
	m := &mapping[T, U]{limit: 2 * n, size: 1, order: order}
	m.room.L, m.ready.L, m.done.L = &m.mu, &m.mu, &m.mu
	return m
}

// halt ends all waiting: the run's context is done.
func (m *mapping[T, U]) halt() {
	m.mu.Lock()
	m.halted = true
	m.mu.Unlock()
	m.room.Broadcast()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// end says that no element follows.
func (m *mapping[T, U]) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// put adds v to the chunk being filled, and wakes a worker that waits.
func (m *mapping[T, U]) put(ctx context.Context, v T) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.chunks) - 1
	if last < m.taken || len(m.chunks[last].in) >= m.size {
		for len(m.chunks) >= m.limit && !m.halted {
			m.room.Wait()
		}
		if m.halted {
			return context.Cause(ctx)
		}
		m.chunks = append(m.chunks, m.chunk())
		last = len(m.chunks) - 1
	}
	c := m.chunks[last]
	c.in = append(c.in, v)
	if m.idle > 0 {
		m.idle--
		m.ready.Signal()
	}
	return nil
}

// chunk returns an empty chunk.
func (m *mapping[T, U]) chunk() *mapped[T, U] {
	if n := len(m.free); n > 0 {
		c := m.free[n-1]
		m.free = m.free[:n-1]
		return c
	}
	return new(mapped[T, U])
}

// work maps chunks until there are no more.
func (m *mapping[T, U]) work(ctx context.Context, f func(context.Context, T) (U, error)) error {
	for {
		c := m.take()
		if c == nil {
			return nil
		}
		began := time.Now()
		for _, v := range c.in {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			u, err := f(ctx, v)
			if err != nil {
				return err
			}
			c.out = append(c.out, u)
		}
		m.finish(c, time.Since(began))
	}
}

// take waits for a chunk that nobody has; nil means that none follows.
func (m *mapping[T, U]) take() *mapped[T, U] {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.taken == len(m.chunks) {
		if m.ended || m.halted {
			return nil
		}
		m.idle++
		m.ready.Wait()
	}
	if m.halted {
		return nil
	}
	c := m.chunks[m.taken]
	m.taken++
	return c
}

// finish gives the results of c to the downstream, and sizes the chunks to come by the time it took.
func (m *mapping[T, U]) finish(c *mapped[T, U], took time.Duration) {
	fit := mapChunk
	if each := took / time.Duration(len(c.in)); each > 0 {
		fit = int(min(mapTarget/each, mapChunk))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size = max(1, min(fit, 2*m.size))
	c.done = true
	if !m.order || m.chunks[0] == c {
		m.done.Signal()
	}
}

// drain emits the results in order until all are through.
func (m *mapping[T, U]) drain(ctx context.Context, emit func(U) error) error {
	for {
		c, err := m.next(ctx)
		if c == nil {
			return err
		}
		for _, u := range c.out {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(u); err != nil {
				return err
			}
		}
		m.reuse(c)
	}
}

// next waits for the chunk to emit next and takes it out; nil means that none follows.
func (m *mapping[T, U]) next(ctx context.Context) (*mapped[T, U], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.halted {
		if i := m.finished(); i >= 0 {
			c := m.chunks[i]
			m.chunks = slices.Delete(m.chunks, i, i+1)
			m.taken--
			m.room.Signal()
			return c, nil
		}
		if m.ended && len(m.chunks) == 0 {
			return nil, nil
		}
		m.done.Wait()
	}
	return nil, context.Cause(ctx)
}

// finished returns the index of the chunk to emit next, or -1.
func (m *mapping[T, U]) finished() int {
	for i, c := range m.chunks[:m.taken] {
		if c.done {
			return i
		}
		if m.order {
			break
		}
	}
	return -1
}

// reuse keeps c for later elements.
func (m *mapping[T, U]) reuse(c *mapped[T, U]) {
	clear(c.in)
	clear(c.out)
	c.in, c.out, c.done = c.in[:0], c.out[:0], false
	m.mu.Lock()
	m.free = append(m.free, c)
	m.mu.Unlock()
}
