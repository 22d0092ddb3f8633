package stream

import "context"

// receiver returns the receiver for the elements of the upstream.
func (m *mapping[T, U]) receiver(ctx context.Context) receiver[T] {
	return receiver[T]{
		one:  func(v T) error { return m.put(ctx, v) },
		many: func(vs []T) error { return m.putAll(ctx, vs) },
	}
}

// put adds v to the last chunk, or starts a new one. An element in the last chunk wakes no worker:
// if that chunk still waits, all workers are busy, or one searches and will take it.
func (m *mapping[T, U]) put(ctx context.Context, v T) error {
	if m.tail.add(v) {
		return nil
	}
	return m.startChunk(ctx, v)
}

// putAll adds vs, as successive calls of put would.
func (m *mapping[T, U]) putAll(ctx context.Context, vs []T) error {
	for {
		vs = vs[m.tail.addAll(vs):]
		if len(vs) == 0 {
			return nil
		}
		if err := m.startChunk(ctx, vs[0]); err != nil {
			return err
		}
		vs = vs[1:]
	}
}

// startChunk starts a new chunk with v.
func (m *mapping[T, U]) startChunk(ctx context.Context, v T) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wait(m.room.Wait, func() bool { return m.list.len() < m.limit() })
	if m.stopped.Load() {
		return context.Cause(ctx)
	}
	c := m.newChunk()
	m.tail.start(c, v)
	m.list.push(c)
	m.wakeWorkers()
	return nil
}

// newChunk returns an empty chunk of the current size.
func (m *mapping[T, U]) newChunk() *chunk[T, U] {
	var c *chunk[T, U]
	if last := len(m.unused) - 1; last >= 0 {
		c, m.unused = m.unused[last], m.unused[:last]
	} else {
		c = new(chunk[T, U])
	}
	c.init(m.size)
	return c
}
