package cli

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// Acknowledged counts what a server has acknowledged. The zero value is ready to use.
type Acknowledged struct {
	mu        sync.Mutex
	parts     int64
	bytes     int64
	documents int64
	retries   int64
	lastRetry error
}

// acknowledgedCounts are the counts of an [Acknowledged].
type acknowledgedCounts struct {
	parts, bytes, documents, retries int64
	lastRetry                        error
}

// Reset sets every count to 0.
func (a *Acknowledged) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts, a.bytes, a.documents, a.retries, a.lastRetry = 0, 0, 0, 0, nil
}

// Part counts a part of an upload.
func (a *Acknowledged) Part(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts++
	a.bytes += bytes
}

// Documents counts n documents that are in the collection.
func (a *Acknowledged) Documents(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.documents += n
}

// Retry counts a retry because of err.
func (a *Acknowledged) Retry(err error, _ time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retries++
	a.lastRetry = err
}

// insertions returns a monitor that counts inserted documents, by the server's replies. It counts a
// failed insert as a retry, because the driver retries one that fails for its connection.
func (a *Acknowledged) insertions() *event.CommandMonitor {
	return &event.CommandMonitor{
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			if n, ok := e.Reply.Lookup("n").AsInt64OK(); ok && e.CommandName == "insert" {
				a.Documents(n)
			}
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			if e.CommandName == "insert" {
				a.Retry(e.Failure, 0)
			}
		},
	}
}

// count returns the counts. They are zero for a nil pointer.
func (a *Acknowledged) count() acknowledgedCounts {
	if a == nil {
		return acknowledgedCounts{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return acknowledgedCounts{a.parts, a.bytes, a.documents, a.retries, a.lastRetry}
}
