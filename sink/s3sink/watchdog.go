package s3sink

import (
	"context"
	"io"
	"sync"
	"time"
)

// queueStalls is the number of StallTimeouts that an attempt may wait for a connection: the others
// of the HTTP client may be busy with the parts of other uploads.
const queueStalls = 10

// watchdog ends an attempt in which no byte is accepted or received for a while, or which takes too
// long from its connection on. A body counts as accepted when the HTTP client reads it. The buffers
// of the system are not visible, so the reply may take as long again as the body took.
type watchdog struct {
	stall  time.Duration
	answer time.Duration // more time until the reply begins
	total  time.Duration // of the attempt
	cancel context.CancelFunc

	mu       sync.Mutex
	begin    time.Time   // of the attempt, or of its connection
	next     *time.Timer // until the next byte, or until a connection
	deadline *time.Timer // until the end
	queued   bool        // the attempt waits for a connection
	taken    bool        // the attempt has a connection
	limit    time.Duration
	what     string // did not happen within limit; "" if the watchdog has not expired
	stopped  bool   // the HTTP client may still read the body after its attempt
}

// watch starts a watchdog. If it expires, it calls cancel. The caller must call stop.
func watch(stall, answer, total time.Duration, cancel context.CancelFunc) *watchdog {
	w := &watchdog{stall: stall, answer: answer, total: total, cancel: cancel, begin: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = time.AfterFunc(stall+answer, w.stalled)
	w.deadline = time.AfterFunc(total, func() { w.expire("no reply", total) })
	return w
}

// stalled ends the attempt because nothing has happened.
func (w *watchdog) stalled() {
	w.mu.Lock()
	queued := w.queued
	w.mu.Unlock()
	if queued {
		w.expire("no connection", queueStalls*w.stall)
		return
	}
	w.expire("no byte accepted or received", w.stall)
}

func (w *watchdog) expire(what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended() {
		return
	}
	w.what, w.limit = what, limit
	w.cancel()
}

// ended reports whether the watchdog has expired or was stopped. The caller holds w.mu.
func (w *watchdog) ended() bool { return w.what != "" || w.stopped }

// ask records that the attempt asks for a connection.
func (w *watchdog) ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = false
	w.queue()
}

// dial records that a connection is being opened for the attempt.
func (w *watchdog) dial() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.taken {
		w.connect()
	}
}

// dialed records that a connection was opened, or not. It may go to another request that waits. If
// the attempt has another one, the dial for it goes on and counts no more.
func (w *watchdog) dialed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.taken {
		w.queue()
	}
}

// take records that the attempt has a connection.
func (w *watchdog) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = true
	w.connect()
}

// queue begins the wait for a connection. The caller holds w.mu.
func (w *watchdog) queue() {
	if !w.ended() {
		w.queued = true
		w.deadline.Stop()
		w.next.Reset(queueStalls * w.stall)
	}
}

// connect begins the time of the attempt. The caller holds w.mu.
func (w *watchdog) connect() {
	if !w.ended() {
		w.connected()
		w.next.Reset(w.stall + w.answer)
	}
}

// connected begins the time of the attempt. The caller holds w.mu.
func (w *watchdog) connected() {
	w.queued, w.begin = false, time.Now()
	w.deadline.Reset(w.total)
}

// sent records that bytes of the body were accepted. rest is the number of bytes to come.
func (w *watchdog) sent(rest int) { w.progress(rest == 0) }

// received records that bytes of the reply were received.
func (w *watchdog) received() { w.progress(false) }

// progress records that a byte was accepted or received. After the last one of a body, the reply
// has more time.
func (w *watchdog) progress(last bool) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended() {
		return
	}
	if w.queued { // an HTTP client that does not report its connections
		w.connected()
	}
	until := w.stall
	if last {
		until += w.answer + time.Since(w.begin)
	}
	w.next.Reset(until)
}

// stop ends the watchdog. If it had expired, it returns what did not happen within the limit,
// otherwise "".
func (w *watchdog) stop() (what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.next.Stop()
	w.deadline.Stop()
	return w.what, w.limit
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
