package s3retry

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/s3fault"
)

// DefaultTimeout is the default of [Policy].Timeout.
const DefaultTimeout = 5 * time.Minute

// The pauses of a [Loop] begin with firstPause and double up to lastPause.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// Policy says how long the requests of one run are repeated. The zero value repeats none. Any
// goroutine may use it.
type Policy struct {
	// Timeout is the time from the first failure of a request until its last repetition. 0 or less
	// means no repetition.
	Timeout time.Duration

	answered atomic.Bool
}

// Answered records that the service has executed a request of the run. After that, a host without
// an address and a failing credentials provider are outages and no longer wrong settings.
func (p *Policy) Answered() { p.answered.Store(true) }

// HasAnswer reports whether [Policy.Answered] was called.
func (p *Policy) HasAnswer() bool { return p.answered.Load() }

// Transient reports whether a request that failed with err may succeed later without a change.
func (p *Policy) Transient(err error) bool {
	return s3fault.Transient(err) || p.answered.Load() && s3fault.Outage(err)
}

// Loop returns a loop for one request or one body.
func (p *Policy) Loop() *Loop { return &Loop{policy: p} }

// Loop counts the consecutive failures of one request.
type Loop struct {
	policy *Policy
	first  time.Time // of the failures; zero if there is none
	pause  time.Duration
}

// Next returns how long to wait before the request is repeated after err. ok is false if err is
// not transient or the time is spent.
func (l *Loop) Next(err error) (wait time.Duration, ok bool) {
	if !l.policy.Transient(err) {
		return 0, false
	}
	return l.Again()
}

// Again is [Loop.Next] after a failure that the caller knows to be transient.
func (l *Loop) Again() (wait time.Duration, ok bool) {
	now := time.Now()
	if l.first.IsZero() {
		l.first, l.pause = now, firstPause
	}
	left := l.policy.Timeout - now.Sub(l.first)
	if left <= 0 {
		return 0, false
	}
	wait = min(jittered(l.pause), left)
	l.pause = min(2*l.pause, lastPause)
	return wait, true
}

// Progress ends the row of failures: the next one begins a new row.
func (l *Loop) Progress() { l.first = time.Time{} }

// jittered returns between a half and the whole of d, so that clients do not repeat in step.
func jittered(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // a delay is no secret
}

// Do calls request until it succeeds, its error is not transient, the policy's time is spent, or
// ctx is done. Before each pause it calls onRetry, unless that is nil. It returns the result of the
// last call.
func Do[T any](ctx context.Context, p *Policy, onRetry func(error, time.Duration), request func() (T, error)) (T,
	error,
) {
	return DoWithin(ctx, p.Loop(), onRetry, request)
}

// DoWithin is [Do] for one of several requests that have the time of one: that of loop.
func DoWithin[T any](ctx context.Context, loop *Loop, onRetry func(error, time.Duration), request func() (T, error)) (
	T, error,
) {
	for {
		out, err := request()
		if err == nil || ctx.Err() != nil {
			return out, err
		}
		wait, again := loop.Next(err)
		if !again {
			return out, err
		}
		if onRetry != nil {
			onRetry(err, wait)
		}
		if !Sleep(ctx, wait) {
			return out, err
		}
	}
}

// Pauses waits before each value that it yields: first, then twice as long each time, up to and
// with last. It ends early if ctx is done. The values are the pauses.
func Pauses(ctx context.Context, first, last time.Duration) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for wait := first; wait <= last; wait *= 2 {
			if !Sleep(ctx, wait) || !yield(wait) {
				return
			}
		}
	}
}
