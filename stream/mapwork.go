package stream

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/chunksize"
)

// work calls f for the elements of chunk after chunk, until no chunk follows.
func (m *mapping[T, U]) work(ctx context.Context, f func(context.Context, T) (U, error)) error {
	woken := make(chan struct{}, 1)
	for c := m.take(woken); c != nil; c = m.take(woken) {
		for i, ok := c.progress.next(); ok; i, ok = c.progress.next() {
			if m.stopped.Load() {
				return context.Cause(ctx)
			}
			u, err := f(ctx, c.in[i])
			if err != nil {
				return err
			}
			c.out[i] = u
		}
		m.finish(c)
	}
	return nil
}

// take waits for a chunk. It returns nil if no chunk follows: the elements have ended, and no chunk
// is left that could be split.
func (m *mapping[T, U]) take(woken chan struct{}) *chunk[T, U] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idlers.searching++
	defer func() {
		m.idlers.searching--
		m.wakeWorkers()
	}()
	sleep := func() { m.idlers.wait(&m.mu, woken) }
	m.wait(sleep, func() bool { return m.list.waiting != nil || m.ended && m.list.large == 0 })
	if m.stopped.Load() {
		return nil
	}
	c := m.list.takeNext(time.Now())
	m.setTimer()
	return c
}

// finish hands the results of c to the downstream, and sizes later chunks by the time that c took.
func (m *mapping[T, U]) finish(c *chunk[T, U]) {
	took := time.Since(c.takenAt)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resize(chunksize.Next(m.size, c.to, took))
	if m.list.finish(c) {
		m.done.Signal()
	}
	if m.ended && m.list.large == 0 {
		m.idlers.wakeAll()
	}
}

// resize sets the size of later chunks. If they become smaller, there may be room for more.
func (m *mapping[T, U]) resize(size int) {
	if size < m.size {
		m.room.Signal()
	}
	m.size = size
}
