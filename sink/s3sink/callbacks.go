package s3sink

import (
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/millweir/millweir/internal/s3retry"
)

// Part describes a part that the service has acknowledged, with all that a client needs to list the
// part again if it continues an interrupted upload.
type Part struct {
	UploadID string // of the multipart upload; "" for a stream stored by one PutObject
	Number   int    // from 1; 1 for a stream stored by one PutObject
	Size     int64  // bytes
	ETag     string // as the service sent it
	Checksum string // CRC64NVME in base64; "" with ChecksumNone
}

// callbacks calls OnPart and OnRetry from any goroutine. Calls never overlap.
type callbacks struct {
	mu      sync.Mutex
	onPart  func(Part)
	onRetry func(err error, wait time.Duration)
}

func (h *callbacks) part(p Part) {
	if h.onPart == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onPart(p)
}

func (h *callbacks) retry(err error, wait time.Duration) {
	if h.onRetry == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onRetry(err, wait)
}

// newAttempts returns the observer of one request. what names the request in errors, and timeout
// limits each attempt.
func (r *run) newAttempts(what string, timeout time.Duration) *attempts {
	return &attempts{timeout: timeout, onRetry: r.notify(what)}
}

// notify returns a function that reports a failed attempt to OnRetry, or nil without OnRetry.
func (r *run) notify(what string) func(error, time.Duration) {
	if r.callbacks.onRetry == nil {
		return nil
	}
	return func(err error, wait time.Duration) { r.callbacks.retry(r.failed(what, err), wait) }
}

// withRetryHook returns retryer with t.onRetry called before each wait.
func (t *attempts) withRetryHook(retryer aws.Retryer) aws.Retryer {
	return s3retry.Notify(retryer, t.onRetry)
}
