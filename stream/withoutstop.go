package stream

import (
	"context"
	"slices"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// WithoutStop returns a context for work that a stage must finish after an early end of its
// downstream. Examples are the copy that [AlsoTo] makes, and the rest of a file whose checksum must
// be verified. A stage with goroutines further down ([Async], [MapParallel], [Merge]…) ends its
// upstream early by cancelling the upstream's context. The returned context outlives that
// cancellation. It is cancelled, with the cause, when ctx is cancelled for any other reason. It is
// also cancelled with any context around the stage that ended early, such as the run's.
//
// It has the values of ctx, but no deadline. The caller must call release when it no longer needs
// the context.
func WithoutStop(ctx context.Context) (_ context.Context, release func()) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &outlasting{cancel: cancel}
	w.watch(ctx)
	return out, func() {
		w.release()
		cancel(nil)
	}
}

// newSideGroup returns a group for a stage that has its own sink, a context for that sink that
// outlives early ends, and one for the upstream that does not. A failure of the group cancels both.
func newSideGroup(ctx context.Context) (g *Group, sideCtx, upstream context.Context, release func()) {
	outlasts, free := WithoutStop(ctx)
	g, sideCtx = NewGroup(outlasts)
	upstream, end := early.WithCancel(ctx)
	unwatch := context.AfterFunc(sideCtx, func() { end(context.Cause(sideCtx)) })
	return g, sideCtx, upstream, func() {
		unwatch()
		end(nil)
		free()
	}
}

// outlasting cancels a context when the innermost surrounding context that has not ended early
// ends.
type outlasting struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	unwatch  func() bool
	released bool
}

// watch waits for the end of ctx. If ctx has ended early, it waits for the context around it.
func (w *outlasting) watch(ctx context.Context) {
	for ; ctx.Err() != nil; ctx = early.Around(ctx) {
		if cause := context.Cause(ctx); !isStop(cause) {
			w.cancel(cause)
			return
		}
		if early.Around(ctx) == nil {
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.released {
		w.unwatch = context.AfterFunc(ctx, func() { w.watch(ctx) })
	}
}

func (w *outlasting) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
	if w.unwatch != nil {
		w.unwatch()
	}
}

// isStop reports whether err consists of early ends only.
func isStop(err error) bool {
	switch e := err.(type) { //nolint:errorlint // one joined with a failure is none
	case *stop:
		return true
	case interface{ Unwrap() error }:
		return isStop(e.Unwrap())
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(err error) bool { return !isStop(err) })
	}
	return false
}
