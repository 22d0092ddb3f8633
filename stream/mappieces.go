package stream

import (
	"slices"
	"time"
)

// watch starts the timer for look, if a worker or the downstream waits and there is a chunk to
// break up.
func (m *mapping[T, U]) watch() {
	if m.timer == nil && m.idle > 0 && m.large > 0 {
		m.timer = time.AfterFunc(mapSlow, m.look)
	}
}

// look breaks up the slow chunks.
func (m *mapping[T, U]) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = nil
	if m.halted.Load() {
		return
	}
	defer m.watch()
	now, broken := time.Now(), false
	for i := m.taken - 1; i >= 0; i-- {
		if c := m.chunks[i]; c.large && now.Sub(c.since) >= mapSlow {
			broken = m.breakUp(i) || broken
		}
	}
	if !broken {
		return
	}
	clear(m.fragments)
	m.fragments = m.fragments[:0]
	// Fragments are in order, because a call may wait for the results of earlier elements.
	for _, c := range m.chunks[:m.taken] {
		if c.count.Load() >= 0 {
			m.fragments = append(m.fragments, c)
		}
	}
	m.ready.Broadcast()
	m.done.Broadcast()
}

// breakUp reduces the chunk at i to the element that its worker began last. The results before that
// element become one chunk, and each element after it becomes a chunk of one. These chunks are new:
// the upstream may still hold a pointer to a chunk of the free list.
func (m *mapping[T, U]) breakUp(i int) bool {
	c := m.chunks[i]
	begun := c.begun.Load()
	n := int(uint32(begun))
	switch {
	case n == 0 || n > c.n: // the worker has not begun, or is about to finish
		return false
	case !c.begun.CompareAndSwap(begun, uint64(n)<<32|uint64(n)):
		return false // the worker made progress; a later look checks again
	}
	var behind []*mapped[T, U]
	for j := n; j < c.n; j++ {
		p := &mapped[T, U]{in: []T{c.in[j]}, out: make([]U, 1)}
		p.count.Store(1)
		behind = append(behind, p)
	}
	clear(c.in[n:c.n])
	c.n = n
	m.small(c)
	m.chunks = slices.Insert(m.chunks, i+1, behind...)
	m.taken += len(behind)
	if n > 1 {
		done := slices.Clone(c.out[:n-1])
		clear(c.out[:n-1])
		c.from = n - 1
		p := &mapped[T, U]{in: make([]T, n-1), n: n - 1, out: done, done: true}
		p.count.Store(-1)
		m.chunks = slices.Insert(m.chunks, i, p)
		m.taken++
	}
	return true
}

// small stops counting c as large.
func (m *mapping[T, U]) small(c *mapped[T, U]) {
	if !c.large {
		return
	}
	c.large = false
	m.large--
	if m.large == 0 && m.ended {
		m.ready.Broadcast()
	}
}
