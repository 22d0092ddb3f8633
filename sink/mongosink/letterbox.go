package mongosink

import (
	"context"
	"sync"
)

// letterbox passes refused documents to the caller's function, one at a time, up to a limit. The
// batches of a run share it.
type letterbox struct {
	mu       sync.Mutex
	function func(context.Context, RefusedDocument) error
	max, n   int64 // a max of 0 means any number
	failed   bool  // the function returned an error
}

// letterbox returns a letterbox for one run, or nil if the caller has no function.
func (w *writing) letterbox() *letterbox {
	if w.letters == nil {
		return nil
	}
	return &letterbox{function: w.letters, max: w.maxLetters}
}

// put passes d to the function, and returns its error. taken is false if the function gets no more.
func (l *letterbox) put(ctx context.Context, d RefusedDocument) (taken bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed || l.max > 0 && l.n == l.max {
		return false, nil
	}
	l.n++
	err = l.function(ctx, d)
	l.failed = err != nil
	return true, err
}
