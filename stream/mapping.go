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
	mapChunk  = 64                    // elements in a chunk at most
	mapTarget = 40 * time.Microsecond // so much work in a chunk makes its hand-over cheap
	mapSlow   = 4 * time.Millisecond  // a chunk that takes longer is broken up, where others wait
)

// mapping is one run of [MapN] or [MapUnordered]. Chunks stand in the order of their elements. The upstream fills the last one, without a
// lock, until it is full or a worker takes it; workers take the first that nobody has; the downstream takes the first of all when
// it is done, or, where order does not matter, any that is done.
//
// A chunk is as large as makes sense for calls as quick as those before. When one turns out slow, and somebody waits, it is broken up:
// its results go to the downstream, its elements that no worker has begun become chunks of one.
type mapping[T, U any] struct {
	filling *mapped[T, U] // the upstream's own, nil at first; of chunks, or taken out since
	filled  int32         // elements in filling

	mu     sync.Mutex
	room   sync.Cond // the upstream waits for a place
	ready  sync.Cond // workers wait for elements
	done   sync.Cond // the downstream waits for the first chunk
	chunks []*mapped[T, U]
	taken  int             // so many of chunks, from the first, are with workers, done, or in pieces
	pieces []*mapped[T, U] // of chunks that were broken up: those that no worker has taken
	large  int             // chunks of more than one element with workers
	idle   int             // workers and downstream that wait
	alarm  *time.Timer     // for the next look at what is slow; nil when none is to come
	limit  int             // chunks at most
	order  bool
	size   int // elements in a chunk, at present
	ended  bool
	halted atomic.Bool     // all waiting ends: the run's context is done
	free   []*mapped[T, U] // used chunks
}

// mapped is a chunk of elements that becomes a chunk of results.
type mapped[T, U any] struct {
	count atomic.Int32  // of elements; negative when a worker has taken it
	begun atomic.Uint64 // how many elements the worker has begun: all but the last of them are done; in the upper half how many it is to do
	in    []T           // as long as there is room for elements; only the upstream changes the slice itself
	n     int           // elements, when a worker has taken it
	since time.Time     // when that was
	out   []U           // as long as in
	from  int           // the first of out that is not handed on
	large bool          // it counts as such
	done  bool
}

func newMapping[T, U any](n int, order bool) *mapping[T, U] {
	m := &mapping[T, U]{limit: 2 * n, size: 1, order: order}
	m.room.L, m.ready.L, m.done.L = &m.mu, &m.mu, &m.mu
	return m
}

// halt ends all waiting: the run's context is done.
func (m *mapping[T, U]) halt() {
	m.mu.Lock()
	m.halted.Store(true)
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

// stop ends the looks at what is slow.
func (m *mapping[T, U]) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.large = 0
	if m.alarm != nil {
		m.alarm.Stop()
	}
}

// put adds v to the chunk being filled. A worker that waits has no chunk to take, hence is woken for a new one only.
func (m *mapping[T, U]) put(ctx context.Context, v T) error {
	if c, n := m.filling, m.filled; c != nil && int(n) < len(c.in) {
		c.in[n] = v
		if c.count.CompareAndSwap(n, n+1) {
			m.filled = n + 1
			return nil
		}
		// A worker has taken the chunk, and looks only at the elements before this one.
		var none T
		c.in[n] = none
	}
	return m.begin(ctx, v)
}

// putAll adds vs, as put does one after the other.
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

// receiver returns what takes the elements of the upstream.
func (m *mapping[T, U]) receiver(ctx context.Context) receiver[T] {
	return receiver[T]{
		one:  func(v T) error { return m.put(ctx, v) },
		many: func(vs []T) error { return m.putAll(ctx, vs) },
	}
}

// begin puts v into a chunk of its own, and wakes a worker that waits.
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

// wait waits until ready or until all waiting ends. It lets others run first: between busy goroutines that is often enough.
func (m *mapping[T, U]) wait(signal *sync.Cond, ready func() bool) {
	for tries := 0; !ready() && !m.halted.Load(); tries++ {
		if tries < yields {
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

// chunk returns a chunk for as many elements as are to be in one at present.
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

// work maps chunks until there are no more.
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

// take waits for a chunk that nobody has; nil means that none follows, also none of the pieces of others.
func (m *mapping[T, U]) take() *mapped[T, U] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wait(&m.ready, func() bool { return len(m.pieces) > 0 || m.taken < len(m.chunks) || m.ended && m.large == 0 })
	var c *mapped[T, U]
	switch {
	case m.halted.Load():
		return nil
	case len(m.pieces) > 0:
		c = m.pieces[0]
		m.pieces = m.pieces[1:]
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

// finish gives the results of c to the downstream, and sizes the chunks to come by the time it took.
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

// drain hands on the results until all are through.
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

// hand hands on the results of a chunk.
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

// next waits for the chunk to emit next and takes it out; nil means that none follows.
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
		return nil, context.Cause(ctx) // nil, unless halt is about to come
	}
	c := m.chunks[i]
	m.chunks = slices.Delete(m.chunks, i, i+1)
	m.taken--
	m.room.Signal()
	return c, nil
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
	clear(c.in[:c.n])
	clear(c.out[:c.n])
	c.from, c.done = 0, false
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.free) < m.limit {
		m.free = append(m.free, c)
	}
}
