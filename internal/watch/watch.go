// Package watch tells the loops of the library whether their run's context is done, at next to no cost.
package watch

import (
	"context"
	"sync/atomic"

	"github.com/millweir/millweir/internal/drain"
)

// Context tells between two elements whether a run's context is done. Asking a context costs some nanoseconds, as much as two
// fused stages, so in a long run a flag is read that the context sets.
//
//	w := watch.On(ctx)
//	defer w.End()
//	for … {
//		if w.Ask.Load() && w.Done() {
//			return w.Cause()
//		}
//	}
type Context struct {
	// Ask is false while the context is known not to be done. A loop reads it by itself: calls are not inlined where another
	// package instantiates a generic function.
	Ask *atomic.Bool

	ctx    context.Context
	drain  context.Context // done when a source is to end early; nil for what is no source, and if the run cannot be drained
	asked  int
	stop   func() bool
	settle func() bool
}

// askedLong is when setting a flag up has become cheap beside asking.
const askedLong = 128

// always is the flag of a run that asks.
var always = func() *atomic.Bool {
	b := new(atomic.Bool)
	b.Store(true)
	return b
}()

// On returns a watch on ctx.
func On(ctx context.Context) Context { return Context{Ask: always, ctx: ctx} }

// Source returns a watch for a source, which ends when the context is done and when the run is drained. In the second case
// Cause returns nil: the source completes.
func Source(ctx context.Context) Context {
	return Context{Ask: always, ctx: ctx, drain: drain.Signal(ctx)}
}

// Done reports whether the context is done, or the source is to end.
func (w *Context) Done() bool {
	if w.ctx.Err() != nil || w.drain != nil && w.drain.Err() != nil {
		return true
	}
	if w.asked++; w.asked == askedLong {
		flag := new(atomic.Bool)
		w.Ask = flag
		w.stop = context.AfterFunc(w.ctx, func() { flag.Store(true) })
		if w.drain != nil {
			w.settle = context.AfterFunc(w.drain, func() { flag.Store(true) })
		}
	}
	return false
}

// End frees what the watch holds.
func (w *Context) End() {
	if w.stop != nil {
		w.stop()
	}
	if w.settle != nil {
		w.settle()
	}
}

// Cause returns why the context is done.
func (w *Context) Cause() error { return context.Cause(w.ctx) }
