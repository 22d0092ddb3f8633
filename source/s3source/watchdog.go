package s3source

import (
	"context"
	"fmt"
	"math"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watchdog ends a request that stalls: no byte comes within the timeout, or too few for pace. While
// the request waits for a free connection, the bytes of the download's other requests count for it:
// an HTTP client may have fewer connections than the download has requests.
type watchdog struct {
	pace     *pace
	timeout  time.Duration
	received *atomic.Int64 // bytes of all requests of the download
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	since    time.Time // when the wait began

	paceLimits bool // what the timer waits for is pace, not the timeout

	mu        sync.Mutex
	waiting   bool  // for the reply
	connected bool  // the request has a connection
	before    int64 // received when the timer was set
}

var errStalled = fmt.Errorf("no byte came in time: %w", os.ErrDeadlineExceeded)

// watch returns a context for requests of r, one after another, and their watchdog. The caller must
// end it.
func (r *run) watch(ctx context.Context) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{pace: &r.pace, timeout: r.opts.StallTimeout, received: r.received, cancel: cancel}
	w.timer = time.AfterFunc(math.MaxInt64, w.expired)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.connects(false) },
		GotConn: func(httptrace.GotConnInfo) { w.connects(true) },
	}), w
}

// request begins the wait for a reply.
func (w *watchdog) request() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting, w.connected = true, false
	w.restart()
}

// connects restarts the wait, because the request begins to wait for a connection, or has got one.
func (w *watchdog) connects(done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting {
		w.connected = done
		w.restart()
	}
}

// restart sets the timer. The caller holds mu.
func (w *watchdog) restart() {
	w.before, w.since = w.received.Load(), time.Now()
	w.timer.Reset(w.timeout)
}

// expired ends the request, unless it waits for a connection and others make progress.
func (w *watchdog) expired() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting && !w.connected && w.received.Load() > w.before {
		w.restart()
		return
	}
	w.cancel(errStalled)
}

// replied ends the wait for the reply. The wait for its connection does not count for pace.
func (w *watchdog) replied() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	w.timer.Stop()
	w.pace.add(time.Since(w.since), 0)
}

// end ends the watchdog, and the request if it is still running.
func (w *watchdog) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// start begins a read of the body.
func (w *watchdog) start() {
	d := w.timeout
	left := w.pace.remaining()
	if w.paceLimits = left < d; w.paceLimits {
		d = left
	}
	w.since = time.Now()
	w.timer.Reset(d)
}

// stop ends a read in which n bytes came.
func (w *watchdog) stop(n int) {
	w.timer.Stop()
	w.received.Add(int64(n))
	w.pace.add(time.Since(w.since), n)
}

// orStalled returns errStalled if a watchdog ended ctx, otherwise err.
func orStalled(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errStalled { //nolint:errorlint // it is our own, unwrapped
		return errStalled
	}
	return err
}
