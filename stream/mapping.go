package stream

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// splitAfter is the time after which a chunk is split if other goroutines wait.
const splitAfter = 4 * time.Millisecond

// mapOrder is the order of the results of a parallel map.
type mapOrder int

const (
	inOrder  mapOrder = iota // of their elements
	anyOrder                 // a result as soon as it is ready
)

// mapping is one run of [MapParallel] or [MapUnordered]. It passes chunks from the upstream to the
// workers and from these to the downstream.
type mapping[T, U any] struct {
	tail    chunkTail[T, U] // only the upstream uses it
	stopped atomic.Bool     // every wait must end

	mu     sync.Mutex
	room   sync.Cond // signals the upstream: there is room for a chunk
	ready  sync.Cond // signals workers: there are elements
	done   sync.Cond // signals the downstream: there are results
	list   chunkList[T, U]
	order  mapOrder
	limit  int            // chunks in list at which the upstream waits
	size   int            // of the next chunk, in elements
	ended  bool           // no element follows
	idle   int            // waiting goroutines: workers, the downstream and the upstream
	timer  *time.Timer    // calls splitSlow; nil if it is not set
	unused []*chunk[T, U] // to use again
}

func newMapping[T, U any](workers int, order mapOrder) *mapping[T, U] {
	m := &mapping[T, U]{limit: 2 * workers, size: 1, order: order}
	m.room.L, m.ready.L, m.done.L = &m.mu, &m.mu, &m.mu
	return m
}

// end records that no element follows.
func (m *mapping[T, U]) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// stop ends all waits and stops the timer.
func (m *mapping[T, U]) stop() {
	m.mu.Lock()
	m.stopped.Store(true)
	if m.timer != nil {
		m.timer.Stop()
	}
	m.mu.Unlock()
	m.room.Broadcast()
	m.ready.Broadcast()
	m.done.Broadcast()
}

// wait waits until ready returns true or the run is stopped. It yields a few times before it
// sleeps, because busy goroutines often need no sleep.
func (m *mapping[T, U]) wait(signal *sync.Cond, ready func() bool) {
	for attempts := 0; !ready() && !m.stopped.Load(); attempts++ {
		if attempts < yields {
			m.mu.Unlock()
			runtime.Gosched()
			m.mu.Lock()
			continue
		}
		m.idle++
		m.setTimer()
		signal.Wait()
		m.idle--
	}
}

// setTimer sets the timer if a goroutine waits and there is a chunk to split.
func (m *mapping[T, U]) setTimer() {
	if m.timer == nil && m.idle > 0 && m.list.large > 0 && !m.stopped.Load() {
		m.timer = time.AfterFunc(splitAfter, m.splitSlow)
	}
}

// splitSlow splits the slow chunks, so that their results and elements do not wait for one call.
func (m *mapping[T, U]) splitSlow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = nil
	if m.stopped.Load() {
		return
	}
	if m.list.splitSlow(time.Now().Add(-splitAfter)) {
		m.ready.Broadcast()
		m.done.Broadcast()
	}
	m.setTimer()
}
