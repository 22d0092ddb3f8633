package s3sink

import (
	"sync"
	"time"
)

// Part describes a part that the service has acknowledged, with all that a client needs to list the
// part again if it continues an interrupted upload.
type Part struct {
	UploadID string // of the multipart upload; "" for a stream stored by one PutObject
	Number   int    // from 1; 1 for a stream stored by one PutObject
	Size     int64  // bytes
	ETag     string // as the service sent it
	Checksum string // in base64; "" with ChecksumMD5 and ChecksumNone

	// Checkpoint lets another run continue the multipart upload. All parts of a run have the same.
	// It is zero for a stream stored by one PutObject.
	Checkpoint Checkpoint
	Resumed    bool // the service had the part already
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
