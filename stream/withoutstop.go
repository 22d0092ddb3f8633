package stream

import (
	"context"
	"slices"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// WithoutStop returns a context for what a stage has to finish after an early end of its downstream: the copy that [AlsoTo] makes,
// the rest of a file that is to be checked. A stage with goroutines further down ([Async], [MapN], [Merge]…) ends its upstream early
// by cancelling the upstream's context; the context that WithoutStop returns outlasts that. It is cancelled, with the cause, when
// ctx is for any other reason, and when the run is, or whatever else is around the stage that ended early.
//
// It has the values of ctx, but no deadline to ask for. The caller calls release when it is done with it.
func WithoutStop(ctx context.Context) (_ context.Context, release func()) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &outlasting{cancel: cancel}
	w.watch(ctx)
	return out, func() {
		w.release()
		cancel(nil)
	}
}

// newAside returns a group for a stage with a sink of its own, the context that outlasts early ends, for that sink, and the one for
// the upstream, which does not. A failure of the group cancels both.
func newAside(ctx context.Context) (g *Group, aside, upstream context.Context, release func()) {
	outlasts, free := WithoutStop(ctx)
	g, aside = NewGroup(outlasts)
	upstream, end := early.WithCancel(ctx)
	unwatch := context.AfterFunc(aside, func() { end(context.Cause(aside)) })
	return g, aside, upstream, func() {
		unwatch()
		end(nil)
		free()
	}
}

// outlasting cancels a context with the nearest around it that ends otherwise than early.
type outlasting struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	unwatch  func() bool
	released bool
}

// watch waits for the end of ctx or, once that has come early, of what is around it.
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

// isStop tells whether err is an early end, or several, and nothing beside it.
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
