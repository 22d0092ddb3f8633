package stream

import "context"

// drain emits the results of chunk after chunk, until no chunk follows.
func (m *mapping[T, U]) drain(ctx context.Context, to receiver[U]) error {
	for {
		c := m.next()
		if c == nil {
			return context.Cause(ctx) // nil, unless the run is being stopped
		}
		if err := m.emit(ctx, c.out[c.from:c.to], to); err != nil {
			return err
		}
		m.reuse(c)
	}
}

// next waits for the chunk to emit next and removes it from the list. It returns nil if none
// follows.
func (m *mapping[T, U]) next() *chunk[T, U] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var c *chunk[T, U]
	m.wait(m.done.Wait, func() bool {
		c = m.list.done()
		return c != nil || m.ended && m.list.len() == 0
	})
	if c == nil || m.stopped.Load() {
		return nil
	}
	m.room.Signal()
	m.list.remove(c)
	return c
}

// emit emits the results of a chunk.
func (m *mapping[T, U]) emit(ctx context.Context, us []U, to receiver[U]) error {
	if to.many != nil {
		if m.stopped.Load() {
			return context.Cause(ctx)
		}
		return to.many(us)
	}
	for _, u := range us {
		if m.stopped.Load() {
			return context.Cause(ctx)
		}
		if err := to.one(u); err != nil {
			return err
		}
	}
	return nil
}

// reuse keeps c for newChunk.
func (m *mapping[T, U]) reuse(c *chunk[T, U]) {
	c.release()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.unused) < m.limit() {
		m.unused = append(m.unused, c)
	}
}
