package stream

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	mapChunk  = 64                    // maximum number of elements in a chunk
	mapTarget = 40 * time.Microsecond // work per chunk; handing a chunk over costs much less
	mapSlow   = 4 * time.Millisecond  // after this time a chunk is broken up if others wait
)

// mapping is one run of [MapParallel] or [MapUnordered]. It keeps chunks in the order of their
// elements. The upstream fills the last chunk without a lock, until it is full or a worker takes
// it. A worker takes the first free chunk. The downstream takes the first chunk once it is done, or
// any that is done if order does not matter.
//
// The size of a chunk follows from the time that recent calls took. If a chunk turns out slow while
// others wait, it is broken up: its results go to the downstream, and the elements that its worker
// has not begun become chunks of one.
type mapping[T, U any] struct {
	filling *mapped[T, U] // owned by the upstream, nil at first; may have left chunks since
	filled  int32         // elements in filling

	mu        sync.Mutex
	room      sync.Cond // signals the upstream: there is room for a chunk
	ready     sync.Cond // signals workers: there are elements
	done      sync.Cond // signals the downstream: the first chunk is done
	chunks    []*mapped[T, U]
	taken     int             // number of leading chunks that are with workers, done or broken up
	fragments []*mapped[T, U] // parts of broken-up chunks that no worker has taken, in order
	large     int             // chunks with more than one element that are with workers
	idle      int             // waiting goroutines: workers and the downstream
	timer     *time.Timer     // timer of the next look; nil if none is due
	limit     int             // maximum number of chunks
	order     bool
	size      int // size of the next chunk, in elements
	ended     bool
	halted    atomic.Bool     // the run's context is done, so every wait must end
	free      []*mapped[T, U] // used chunks
}

// mapped is a chunk of elements that becomes a chunk of results.
type mapped[T, U any] struct {
	count atomic.Int32 // of elements; negative once a worker has taken the chunk

	// begun holds how many elements the worker has begun, in its lower half: all but the last of
	// them are done. Its upper half holds how many the worker has to do.
	begun atomic.Uint64

	in    []T       // its length is the room for elements; only the upstream replaces it
	n     int       // elements, set when a worker takes the chunk
	since time.Time // when a worker took the chunk
	out   []U       // as long as in
	from  int       // index of the first result in out that has not been emitted
	large bool      // counted in mapping.large
	done  bool
}

func newMapping[T, U any](n int, order bool) *mapping[T, U] {
	m := &mapping[T, U]{limit: 2 * n, size: 1, order: order}
	m.room.L, m.ready.L, m.done.L = &m.mu, &m.mu, &m.mu
	return m
}

// halt ends all waits, because the run's context is done.
func (m *mapping[T, U]) halt() {
	m.mu.Lock()
	m.halted.Store(true)
	m.mu.Unlock()
	m.room.Broadcast()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// end records that no element follows.
func (m *mapping[T, U]) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// stop stops the timer, and starts no other.
func (m *mapping[T, U]) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.large = 0
	if m.timer != nil {
		m.timer.Stop()
	}
}

// put adds v to the chunk that is being filled. If a worker is idle, no chunk is free, so only a
// new chunk needs to wake it.
func (m *mapping[T, U]) put(ctx context.Context, v T) error {
	if c, n := m.filling, m.filled; c != nil && int(n) < len(c.in) {
		c.in[n] = v
		if c.count.CompareAndSwap(n, n+1) {
			m.filled = n + 1
			return nil
		}
		// A worker has taken the chunk. It reads only the elements before this one.
		var none T
		c.in[n] = none
	}
	return m.begin(ctx, v)
}

// putAll adds vs, as successive calls of put would.
func (m *mapping[T, U]) putAll(ctx context.Context, vs []T) error {
	for len(vs) > 0 {
		if c, n := m.filling, m.filled; c != nil && int(n) < len(c.in) {
			k := copy(c.in[n:], vs)
			if c.count.CompareAndSwap(n, n+int32(k)) {
				m.filled, vs = n+int32(k), vs[k:]
				continue
			}
			clear(c.in[n : int(n)+k])
		}
		if err := m.begin(ctx, vs[0]); err != nil {
			return err
		}
		vs = vs[1:]
	}
	return nil
}

// receiver returns the receiver for the elements of the upstream.
func (m *mapping[T, U]) receiver(ctx context.Context) receiver[T] {
	return receiver[T]{
		one:  func(v T) error { return m.put(ctx, v) },
		many: func(vs []T) error { return m.putAll(ctx, vs) },
	}
}

// begin starts a new chunk with v and wakes an idle worker.
func (m *mapping[T, U]) begin(ctx context.Context, v T) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wait(&m.room, func() bool { return len(m.chunks) < m.limit })
	if m.halted.Load() {
		return context.Cause(ctx)
	}
	c := m.chunk()
	c.in[0] = v
	c.count.Store(1)
	m.filling, m.filled = c, 1
	m.chunks = append(m.chunks, c)
	m.ready.Signal()
	return nil
}

// wait waits until ready returns true or halt is called. It yields a few times before it sleeps,
// because busy goroutines often need no sleep.
func (m *mapping[T, U]) wait(signal *sync.Cond, ready func() bool) {
	for attempts := 0; !ready() && !m.halted.Load(); attempts++ {
		if attempts < yields {
			m.mu.Unlock()
			runtime.Gosched()
			m.mu.Lock()
			continue
		}
		m.idle++
		m.watch()
		signal.Wait()
		m.idle--
	}
}

// chunk returns an empty chunk of the current size.
func (m *mapping[T, U]) chunk() *mapped[T, U] {
	var c *mapped[T, U]
	if n := len(m.free); n > 0 {
		c = m.free[n-1]
		m.free = m.free[:n-1]
	} else {
		c = new(mapped[T, U])
	}
	if cap(c.in) < m.size {
		c.in, c.out = make([]T, m.size), make([]U, m.size)
	}
	c.in = c.in[:m.size]
	return c
}

// work calls f for the elements of chunk after chunk, until no chunk follows.
func (m *mapping[T, U]) work(ctx context.Context, f func(context.Context, T) (U, error)) error {
	for {
		c := m.take()
		if c == nil {
			return nil
		}
		for {
			begun := c.begun.Add(1)
			i := uint32(begun) - 1
			if i >= uint32(begun>>32) {
				break
			}
			if m.halted.Load() {
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
}

// take waits for a chunk and marks it as taken. It returns nil if no chunk follows and no large
// chunk is left to break up.
func (m *mapping[T, U]) take() *mapped[T, U] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wait(&m.ready, func() bool { return len(m.fragments) > 0 || m.taken < len(m.chunks) || m.ended && m.large == 0 })
	var c *mapped[T, U]
	switch {
	case m.halted.Load():
		return nil
	case len(m.fragments) > 0:
		c = m.fragments[0]
		m.fragments = m.fragments[1:]
	case m.taken < len(m.chunks):
		c = m.chunks[m.taken]
		m.taken++
	default:
		return nil
	}
	c.n = int(c.count.Swap(-1))
	c.begun.Store(uint64(c.n) << 32)
	c.since = time.Now()
	if c.large = c.n > 1; c.large {
		m.large++
		m.watch()
	}
	return c
}

// finish hands the results of c to the downstream, and sizes later chunks by the time that c took.
func (m *mapping[T, U]) finish(c *mapped[T, U]) {
	took := time.Since(c.since)
	m.mu.Lock()
	defer m.mu.Unlock()
	fit := mapChunk
	if each := took / time.Duration(c.n); each > 0 {
		fit = int(min(mapTarget/each, mapChunk))
	}
	m.small(c)
	m.size = max(1, min(fit, 2*m.size))
	c.done = true
	if !m.order || m.chunks[0] == c {
		m.done.Signal()
	}
}

// drain emits the results of chunk after chunk, until no chunk follows.
func (m *mapping[T, U]) drain(ctx context.Context, to receiver[U]) error {
	for {
		c, err := m.next(ctx)
		if c == nil {
			return err
		}
		if err := m.hand(ctx, c.out[c.from:c.n], to); err != nil {
			return err
		}
		m.reuse(c)
	}
}

// hand emits the results of a chunk.
func (m *mapping[T, U]) hand(ctx context.Context, us []U, to receiver[U]) error {
	if to.many != nil {
		if m.halted.Load() {
			return context.Cause(ctx)
		}
		return to.many(us)
	}
	for _, u := range us {
		if m.halted.Load() {
			return context.Cause(ctx)
		}
		if err := to.one(u); err != nil {
			return err
		}
	}
	return nil
}

// next waits for the chunk to emit next and removes it from chunks. It returns nil if none follows.
func (m *mapping[T, U]) next(ctx context.Context) (*mapped[T, U], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := -1
	m.wait(&m.done, func() bool {
		i = m.finished()
		return i >= 0 || m.ended && len(m.chunks) == 0
	})
	switch {
	case m.halted.Load():
		return nil, context.Cause(ctx)
	case i < 0:
		return nil, context.Cause(ctx) // nil, unless halt is about to be called
	}
	c := m.chunks[i]
	m.chunks = slices.Delete(m.chunks, i, i+1)
	m.taken--
	m.room.Signal()
	return c, nil
}

// finished returns the index of the chunk to emit next, or -1 if none is done.
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

// reuse puts c on the free list.
func (m *mapping[T, U]) reuse(c *mapped[T, U]) {
	clear(c.in[:c.n])
	clear(c.out[:c.n])
	c.from, c.done = 0, false
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.free) < m.limit {
		m.free = append(m.free, c)
	}
}
