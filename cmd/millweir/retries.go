package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// retries counts the requests to the store that were repeated, for the progress of a job.
type retries struct {
	mu    sync.Mutex
	count int64
	last  error
}

// note records a failure before its retry.
func (r *retries) note(err error, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count, r.last = r.count+1, err
}

func (r *retries) read() (count int64, last error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.last
}

// line returns the end of a line of progress: the number of retries, and the reason of the last
// one.
func (r *retries) line(words func(error) string) string {
	const longest = 120 // bytes of the reason
	count, last := r.read()
	if count == 0 {
		return ""
	}
	reason := words(last)
	if len(reason) > longest {
		reason = "…" + strings.ToValidUTF8(reason[len(reason)-longest:], "") // its end says what happened
	}
	return fmt.Sprintf(", retries: %s, the last one after: %s", cli.Count(count), reason)
}

// attrs returns the same for --json.
func (r *retries) attrs() []any {
	count, last := r.read()
	if count == 0 {
		return nil
	}
	return []any{"retries", count, "last_retry", last}
}
