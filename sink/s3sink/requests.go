package s3sink

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
)

// requests sends the requests of one run: it repeats them, limits their time, and names them in
// errors. Any goroutine may use it.
type requests struct {
	*settings
	callbacks callbacks
	retries   s3retry.Policy // of requests
	settling  s3retry.Policy // of the HEADs and aborts that find out what is stored
	inUse     atomic.Int64   // the [Checksum] in use
}

func newRequests(s *settings) *requests {
	q := &requests{
		settings:  s,
		callbacks: callbacks{onPart: s.opts.OnPart, onRetry: s.opts.OnRetry},
		retries:   s3retry.Policy{Timeout: s.opts.RetryTimeout},
		settling:  s3retry.Policy{Timeout: max(s.opts.AbortTimeout, s.opts.RetryTimeout)},
	}
	q.inUse.Store(int64(s.opts.Checksum))
	return q
}

// newAttempts returns the observer of one request. what names the request in errors, and timeout
// limits each attempt.
func (q *requests) newAttempts(what string, timeout time.Duration) *attempts {
	return &attempts{
		what: what, timeout: timeout, stall: q.opts.StallTimeout, onRetry: q.notify(what), startedAt: time.Now(),
		customerKey: q.customerKey,
	}
}

// unsigned reports whether the signature of a body's request leaves out the body. Then it covers
// the header of a checksum.
func (q *requests) unsigned() bool { return !q.opts.SignPayload && q.checksum() != ChecksumNone }

// notify returns a function that reports a failed attempt to OnRetry, or nil without OnRetry.
func (q *requests) notify(what string) func(error, time.Duration) {
	if q.callbacks.onRetry == nil {
		return nil
	}
	return func(err error, wait time.Duration) { q.callbacks.retry(q.failed(what, err), wait) }
}

// named returns a function that reports a failed attempt to OnRetry.
func (q *requests) named(what string) func(error, time.Duration) {
	return func(err error, wait time.Duration) { q.callbacks.retry(q.failed(what, err), wait) }
}

// maxBadReplies is how often a request is repeated after a reply of success that cannot be used. A
// proxy may send one during an outage, and a service may send nothing else.
const maxBadReplies = 2

// send calls request, which makes the request that t observes, and repeats it while it fails for
// reasons that pass.
func send[T any](ctx context.Context, q *requests, t *attempts, request func() (T, error)) (T, error) {
	loop := q.retries.Loop()
	for badReplies := 0; ; {
		used := q.algorithm()
		out, err := request()
		if err == nil {
			q.retries.Answered()
			q.settling.Answered()
			return out, nil
		}
		err = s3fault.Mark(err)
		if q.fallBack(err, t, used) && ctx.Err() == nil {
			q.callbacks.retry(q.failed(t.what, err), 0)
			continue
		}
		wait, again := loop.Next(err)
		if isBadReply(err) {
			t.set(&t.maybeApplied)
			if badReplies++; badReplies <= maxBadReplies {
				wait, again = loop.Again()
			}
		}
		if !again || ctx.Err() != nil {
			return out, err
		}
		q.callbacks.retry(q.failed(t.what, err), wait)
		if !s3retry.Sleep(ctx, wait) {
			return out, err
		}
	}
}

// failed adds the package, the request and the object to err.
func (q *requests) failed(what string, err error) error {
	return fmt.Errorf("s3sink: %s of %s/%s: %w", printable.Text(what), q.bucket, q.key, err)
}

// requestError returns why a request failed: the cause if ctx ended it, otherwise err.
func (q *requests) requestError(ctx context.Context, what string, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(err, errNoETag):
		return context.Cause(ctx)
	case q.retries.HasAnswer() && s3fault.Broken(err) && s3fault.Status(err) == 0:
		err = fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	return q.failed(what, q.withHint(err))
}

// cleanupContext returns a context for work that must be done even if ctx is cancelled.
func (q *requests) cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), q.opts.AbortTimeout)
}

// settleContext returns a context for finding out whether the object is stored. It has the time of
// a repeated request. After a cancellation of ctx it has the time for cleaning up.
func (q *requests) settleContext(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := withGrace(ctx, q.opts.AbortTimeout)
	limited, stop := context.WithTimeout(longer, q.settling.Timeout)
	return limited, func() {
		stop()
		cancel()
	}
}

// replyGrace is how long a request may still be answered after a cancellation, if without the reply
// the id of an upload or the outcome of the run would be unknown.
const replyGrace = 500 * time.Millisecond

// withGrace returns a context that is cancelled a while after ctx.
func withGrace(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(while, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
