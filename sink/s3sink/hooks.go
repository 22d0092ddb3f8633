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

// hooks calls the caller's functions. Calls never overlap, whichever goroutines they come from.
type hooks struct {
	mu      sync.Mutex
	onPart  func(Part)
	onRetry func(err error, wait time.Duration)
}

func (h *hooks) part(p Part) {
	if h.onPart == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onPart(p)
}

func (h *hooks) retry(err error, wait time.Duration) {
	if h.onRetry == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onRetry(err, wait)
}

// tries returns what watches the attempts of one request: what it does, and how long one attempt
// may take.
func (r *run) tries(what string, timeout time.Duration) *tries {
	return &tries{timeout: timeout, onRetry: r.notify(what)}
}

// notify returns a function that reports a failed attempt of a request, or nil if the caller does
// not ask for it.
func (r *run) notify(what string) func(error, time.Duration) {
	if r.hooks.onRetry == nil {
		return nil
	}
	return func(err error, wait time.Duration) { r.hooks.retry(r.failed(what, err), wait) }
}

// watched returns retryer with t's report of the attempts that the SDK repeats.
func (t *tries) watched(retryer aws.Retryer) aws.Retryer { return s3retry.Notify(retryer, t.onRetry) }
