package source

import "errors"

var (
	// ErrUsed is the error of a second run of a source that can be run only once.
	ErrUsed = errors.New("source: it can be run only once, and was")

	// ErrClosed is what [Queue.Offer] returns when no element is taken any more, though nothing failed: after Complete, and
	// after the run ended early.
	ErrClosed = errors.New("source: the queue is closed")
)
