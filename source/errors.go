package source

import (
	"context"
	"errors"
)

var (
	// ErrUsed is the error of a second run of a source that can be run only once.
	ErrUsed = errors.New("source: it can be run only once, and was")

	// ErrClosed is what [Queue.Offer] returns when no element is taken any more, though nothing failed: after Complete, and
	// after the run ended early.
	ErrClosed = errors.New("source: the queue is closed")
)

// caused returns what a run ends with when a function of the caller returned err: the cause of the cancellation where err is
// only its echo, and err as it is otherwise.
func caused(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(err, cause):
		return err
	case errors.Is(err, ctx.Err()):
		return cause
	default:
		return errors.Join(cause, err)
	}
}

// finished returns what a run ends with when its sequence has ended: nil, unless a cancellation may have cut it short.
func finished(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
