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
	idlers idleStack // waiting workers, to wake when there are elements
	done   sync.Cond // signals the downstream: there are results
	list   chunkList[T, U]
	calls  int            // at once, at most
	size   int            // of the next chunk, in elements
	ended  bool           // no element follows
	idle   int            // waiting goroutines: workers, the downstream and the upstream
	timer  *time.Timer    // calls splitSlow; nil if it is not set
	unused []*chunk[T, U] // to use again
}

func newMapping[T, U any](workers int, order mapOrder) *mapping[T, U] {
	m := &mapping[T, U]{calls: workers, size: 1}
	m.list.order = order
	m.room.L, m.done.L = &m.mu, &m.mu
	return m
}

// limit returns the number of chunks at which the upstream waits: two for each call, or, if the
// calls are quick, two elements for each call in chunks of many. More chunks in flight would not
// stay in the caches.
func (m *mapping[T, U]) limit() int {
	const quick = 64 // chunks, which keep many cores busy
	return max(min(2*m.calls, quick), 2*m.calls/m.size)
}

// wakeWorkers wakes idle workers for the chunks that wait, but no more than there are cores. A
// worker that takes a chunk wakes the next one.
func (m *mapping[T, U]) wakeWorkers() {
	m.idlers.wake(min(m.list.unclaimed, runtime.GOMAXPROCS(0)) - m.idlers.searching)
}

// end records that no element follows.
func (m *mapping[T, U]) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	m.idlers.wakeAll()
	m.done.Broadcast()
}

// stop ends all waits and stops the timer.
func (m *mapping[T, U]) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped.Store(true)
	if m.timer != nil {
		m.timer.Stop()
	}
	m.room.Broadcast()
	m.idlers.wakeAll()
	m.done.Broadcast()
}

// wait calls sleep until ready returns true or the run is stopped. It yields a few times before
// that, because busy goroutines often need no sleep.
func (m *mapping[T, U]) wait(sleep func(), ready func() bool) {
	for attempts := 0; !ready() && !m.stopped.Load(); attempts++ {
		if attempts < yields {
			m.mu.Unlock()
			runtime.Gosched()
			m.mu.Lock()
			continue
		}
		m.idle++
		m.setTimer()
		sleep()
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
		m.idlers.wakeAll()
		m.done.Broadcast()
	}
	m.setTimer()
}
