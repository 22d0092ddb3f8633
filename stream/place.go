package stream

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	timedGap  = 4 * time.Microsecond // elements further apart than this are all timed
	maxStride = 16                   // of closer elements, at least one in maxStride is timed on average
)

var (
	epoch         = time.Now()
	errUnfinished = errors.New("stream: the run did not return")
)

// clock returns the time since epoch. It is cheaper than time.Now.
func clock() time.Duration { return time.Since(epoch) }

// place counts and times what passes one point of a pipeline, in any number of runs.
type place struct {
	entered, left, bytes atomic.Int64 // elements passed to the downstream, elements it accepted, and their bytes
	seen                 atomic.Bool  // times estimated a blocked time for an element that is not timed: guess

	mu             sync.Mutex
	runs, failures int64
	live           map[*visit]struct{} // runs in progress
	total, blocked time.Duration       // sums, each up to the last mark of its run
	guess, at      time.Duration       // estimate of how long untimed elements had blocked their run at time at
	told           struct{ waited, blocked time.Duration }
}

// visit is one run through a place. Only that run calls its methods.
type visit struct {
	*place
	mark   time.Duration // when the last timed element was accepted; written under the lock
	before atomic.Int64  // when the last timed element was passed on; in progress if later than mark
	gap    int64         // elements from the last timed one to the next timed one
	next   int64         // elements left until the next timed one
	inside bool
}

func (p *place) visit() *visit {
	v := &visit{place: p, mark: clock(), gap: 1, next: 1}
	v.before.Store(math.MinInt64)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	if p.live == nil {
		p.live = map[*visit]struct{}{}
	}
	p.live[v] = struct{}{}
	return v
}

// enter is called before an element is passed on.
func (v *visit) enter() {
	v.inside = true
	v.entered.Add(1)
	if v.next--; v.next == 0 {
		v.before.Store(int64(clock()))
	}
}

// leave is called when the downstream has accepted an element of n bytes.
func (v *visit) leave(n int) {
	v.left.Add(1)
	v.inside = false
	if n != 0 {
		v.bytes.Add(int64(n))
	}
	switch {
	case v.next == 0:
		stride := int64(1)
		if per := v.time(clock()) / time.Duration(v.gap); per < timedGap {
			stride = min(maxStride, int64(timedGap/max(per, 1)))
		}
		v.gap = 1 + rand.Int64N(2*stride-1) // random, so that a regular pattern of elements does not bias the sample
		v.next = v.gap
	case v.seen.Load():
		v.timeSeen(clock())
		v.gap = v.next
	}
}

// time adds the time since the last mark and returns it. The timed element stands for all elements
// since the timed one before.
func (v *visit) time(now time.Duration) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.blocked += (now - time.Duration(v.before.Load())) * time.Duration(v.gap)
	return v.pass(now)
}

// timeSeen adds the time since the last mark, for an element that is not timed but for which times
// has reported an estimate. The element stands only for itself, and the estimate becomes final.
func (v *visit) timeSeen(now time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen.Load() {
		v.blocked += v.guess + max(now-v.at, 0)
	}
	v.pass(now)
}

// pass moves the mark to now and returns the time since the old mark.
func (v *visit) pass(now time.Duration) time.Duration {
	passed := now - v.mark
	v.mark = now
	v.total += passed
	if v.seen.Load() {
		v.seen.Store(false)
	}
	return passed
}

func (v *visit) end(err error) {
	now := clock()
	if v.inside {
		v.entered.Add(-1)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case !v.inside:
	case v.next == 0:
		v.blocked += now - time.Duration(v.before.Load())
	case v.seen.Load():
		v.blocked += v.guess + max(now-v.at, 0)
	}
	v.pass(now)
	delete(v.live, v)
	if err != nil && !isStop(err) {
		v.failures++
	}
}

// times returns how long runs have waited before this place and how long they were blocked after
// it. Neither value ever decreases. A run without a timed element in progress counts as if it had
// been in its current state since its mark.
func (p *place) times() (waited, blocked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := clock()
	var since, timed time.Duration
	inside := min(max(p.entered.Load()-p.left.Load(), 0), int64(len(p.live)))
	for v := range p.live {
		since += now - v.mark
		if before := time.Duration(v.before.Load()); before > v.mark && inside > 0 {
			timed += now - before
			inside--
		}
	}
	blocked = p.blocked + timed
	if inside > 0 {
		blocked += since / time.Duration(len(p.live)) * time.Duration(inside)
	}
	total := max(p.total+since, p.told.waited+p.told.blocked)
	blocked = min(max(blocked, p.told.blocked), total-p.told.waited)
	if inside > 0 {
		p.guess, p.at = blocked-p.blocked-timed, now
		p.seen.Store(true)
	}
	p.told.waited, p.told.blocked = total-blocked, blocked
	return p.told.waited, blocked
}
