package cli

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// Answered counts what a server has acknowledged, which is less than what it was sent. The zero
// value is ready to use.
type Acknowledged struct {
	mu        sync.Mutex
	parts     int64
	bytes     int64
	documents int64
	retries   int64
	lastRetry error
}

// answers is what an [Answered] has counted.
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

// Documents counts n documents that the collection has.
func (a *Acknowledged) Documents(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.documents += n
}

// Retry counts a request that is made again because of err.
func (a *Acknowledged) Retry(err error, _ time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retries++
	a.lastRetry = err
}

// insertions returns a monitor that counts the documents that inserts put into a collection, by the
// server's replies. An insert that fails for its connection is made again by the driver.
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

// count returns what was counted until now. Of a nil pointer it is nothing.
func (a *Acknowledged) count() acknowledgedCounts {
	if a == nil {
		return acknowledgedCounts{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return acknowledgedCounts{a.parts, a.bytes, a.documents, a.retries, a.lastRetry}
}
