package s3sink

import (
	"context"
	"io"
	"sync"
	"time"
)

// watchdog ends an attempt in which no byte is accepted or received for a while. A body counts as
// accepted when the HTTP client reads it. The buffers of the system are not visible, so the reply
// may take as long again as the body took.
type watchdog struct {
	stall  time.Duration
	answer time.Duration // more time until the reply begins
	begin  time.Time
	cancel context.CancelFunc

	mu      sync.Mutex
	timer   *time.Timer
	expired bool
	stopped bool // the HTTP client may still read the body after its attempt
}

// watch starts a watchdog. If it expires, it calls cancel. The caller must call stop.
func watch(stall, answer time.Duration, cancel context.CancelFunc) *watchdog {
	w := &watchdog{stall: stall, answer: answer, begin: time.Now(), cancel: cancel}
	w.timer = time.AfterFunc(stall+answer, w.expire)
	return w
}

func (w *watchdog) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expired = true
	w.cancel()
}

// allow sets the time until the next byte.
func (w *watchdog) allow(d time.Duration) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.expired && !w.stopped {
		w.timer.Reset(d)
	}
}

// sent records that bytes of the body were accepted. rest is the number of bytes to come.
func (w *watchdog) sent(rest int) {
	switch {
	case w == nil:
	case rest > 0:
		w.allow(w.stall)
	default:
		w.allow(w.stall + w.answer + time.Since(w.begin))
	}
}

// received records that bytes of the reply were received.
func (w *watchdog) received() {
	if w != nil {
		w.allow(w.stall)
	}
}

// stop ends the watchdog. It reports whether it had expired.
func (w *watchdog) stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	return w.expired
}

// watchedBody is the body of a reply.
type watchedBody struct {
	io.ReadCloser
	dog *watchdog
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.dog.received()
	}
	return n, err
}
