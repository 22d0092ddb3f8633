package stream

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	timedGap  = 4 * time.Microsecond // elements further apart than this are all timed
	maxStride = 16                   // of closer ones, one in so many on average, at least
)

var (
	epoch         = time.Now()
	errUnfinished = errors.New("stream: the run did not return")
)

// clock tells the time since some fixed moment: cheaper than time.Now.
func clock() time.Duration { return time.Since(epoch) }

// place counts and times what passes one point of a pipeline, in any number of runs.
type place struct {
	entered, left, bytes atomic.Int64 // elements handed to the downstream, and accepted by it

	mu             sync.Mutex
	runs, failures int64
	live           int64         // runs that have not ended
	total, blocked time.Duration // up to the last mark of each run
	marks          time.Duration // the sum of the last marks of the live runs
}

// visit is one run through a place. Its methods are called by that run alone.
type visit struct {
	*place
	mark   time.Duration // when the last timed element was accepted
	before time.Duration // when the current one, if timed, was handed on
	gap    int64         // elements from the last timed one to the next
	next   int64         // elements still to come up to the next timed one
	inside bool
}

func (p *place) visit() *visit {
	v := &visit{place: p, mark: clock(), gap: 1, next: 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	p.live++
	p.marks += v.mark
	return v
}

// enter is called before an element is handed on.
func (v *visit) enter() {
	v.inside = true
	v.entered.Add(1)
	if v.next--; v.next == 0 {
		v.before = clock()
	}
}

// leave is called when the downstream has accepted the element, of n bytes.
func (v *visit) leave(n int) {
	v.left.Add(1)
	v.inside = false
	if n != 0 {
		v.bytes.Add(int64(n))
	}
	if v.next == 0 {
		stride := int64(1)
		if per := v.time(clock()) / time.Duration(v.gap); per < timedGap {
			stride = min(maxStride, int64(timedGap/max(per, 1)))
		}
		v.gap = 1 + rand.Int64N(2*stride-1) // at random, for elements may take turns
		v.next = v.gap
	}
}

// time adds and returns what passed since the last mark; the timed element stands for all since the one before.
func (v *visit) time(now time.Duration) time.Duration {
	passed := now - v.mark
	v.mark = now
	v.mu.Lock()
	defer v.mu.Unlock()
	v.total += passed
	v.blocked += (now - v.before) * time.Duration(v.gap)
	v.marks += passed
	return passed
}

func (v *visit) end(err error) {
	now := clock()
	if v.inside {
		v.entered.Add(-1)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.total += now - v.mark
	if v.inside && v.next == 0 {
		v.blocked += now - v.before
	}
	v.marks -= v.mark
	v.live--
	if err != nil && !isStop(err) {
		v.failures++
	}
}

// times returns how long runs waited before this place and were blocked behind it, up to now: a run between two marks is
// taken to be where it is now.
func (p *place) times() (waited, blocked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := time.Duration(p.live)*clock() - p.marks
	total := p.total + since
	blocked = p.blocked
	if p.live > 0 {
		inside := min(max(p.entered.Load()-p.left.Load(), 0), p.live)
		blocked += since / time.Duration(p.live) * time.Duration(inside)
	}
	blocked = min(blocked, total)
	return total - blocked, blocked
}
