// Package watch tells the loops of the library whether their run's context is done, at next to no cost.
package watch

import (
	"context"
	"sync/atomic"
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

	ctx   context.Context
	asked int
	stop  func() bool
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

// Done tells whether the context is done.
func (w *Context) Done() bool {
	if w.ctx.Err() != nil {
		return true
	}
	if w.asked++; w.asked == askedLong {
		flag := new(atomic.Bool)
		w.Ask = flag
		w.stop = context.AfterFunc(w.ctx, func() { flag.Store(true) })
	}
	return false
}

// End frees what the watch holds.
func (w *Context) End() {
	if w.stop != nil {
		w.stop()
	}
}

// Cause returns why the context is done.
func (w *Context) Cause() error { return context.Cause(w.ctx) }
