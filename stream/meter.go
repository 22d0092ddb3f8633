package stream

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

var (
	epoch         = time.Now()
	errUnfinished = errors.New("stream: the run did not return")
)

// clock returns the time since epoch. It is cheaper than time.Now.
func clock() time.Duration { return time.Since(epoch) }

// meter counts and times the elements that pass one point of a pipeline, in any number of runs.
type meter struct {
	entered, accepted, bytes atomic.Int64 // elements passed on, those accepted, their bytes
	assumed                  atomic.Bool  // the last estimate assumed a blocked time of untimed elements

	mu             sync.Mutex
	runs, failures int64
	active         map[*meterRun]struct{}
	estimator      waitEstimator
}

// meterRun is one run through a meter. Only that run calls its methods.
type meterRun struct {
	*meter
	sampler
	lastSample time.Duration // when the last timed element was accepted; written under the lock
	timedSince atomic.Int64  // when the last timed element was passed on; in progress if after lastSample
	inEmit     bool
}

func (m *meter) begin() *meterRun {
	r := &meterRun{meter: m, sampler: newSampler(), lastSample: clock()}
	r.timedSince.Store(math.MinInt64)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs++
	if m.active == nil {
		m.active = map[*meterRun]struct{}{}
	}
	m.active[r] = struct{}{}
	return r
}

// enter is called before an element is passed on.
func (r *meterRun) enter() {
	r.inEmit = true
	r.entered.Add(1)
	if r.untilNext--; r.isTimed() {
		r.timedSince.Store(int64(clock()))
	}
}

// accept is called when the downstream has accepted an element of n bytes.
func (r *meterRun) accept(n int) {
	r.accepted.Add(1)
	r.inEmit = false
	if n != 0 {
		r.bytes.Add(int64(n))
	}
	switch {
	case r.isTimed():
		r.sampler.next(r.addSample(clock(), r.distance))
	case r.assumed.Load():
		r.addSample(clock(), 1)
		r.sampler.restart()
	}
}

// addSample gives the span since the last sample to the estimator, and returns its length. The
// element that has just passed stands for weight elements.
func (r *meterRun) addSample(now time.Duration, weight int64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	span := now - r.lastSample
	if r.isTimed() {
		r.estimator.addTimed(span, now-time.Duration(r.timedSince.Load()), weight)
	} else {
		r.estimator.addUntimed(span, now)
	}
	r.endSpan(now)
	return span
}

// endSpan begins the next span. No estimate covers it yet.
func (r *meterRun) endSpan(now time.Duration) {
	r.lastSample = now
	if r.assumed.Load() {
		r.assumed.Store(false)
	}
}

func (r *meterRun) end(err error) {
	now := clock()
	if r.inEmit {
		r.entered.Add(-1)
		r.addSample(now, 1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.estimator.addWait(now - r.lastSample)
	r.endSpan(now)
	delete(r.active, r)
	if err != nil && !isStop(err) {
		r.failures++
	}
}

// times returns how long runs have waited for their upstream, and how long their downstream has
// blocked them. The values never decrease.
func (m *meter) times() (waited, blocked time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := clock()
	open := openSpans{runs: len(m.active)}
	blockedRuns := min(max(int(m.entered.Load()-m.accepted.Load()), 0), open.runs)
	for r := range m.active {
		open.elapsed += now - r.lastSample
		if since := time.Duration(r.timedSince.Load()); since > r.lastSample && blockedRuns > 0 {
			open.timed += now - since
			blockedRuns--
		}
	}
	open.untimed = blockedRuns
	waited, blocked = m.estimator.estimate(now, open)
	if open.untimed > 0 {
		m.assumed.Store(true)
	}
	return waited, blocked
}
