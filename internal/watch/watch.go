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
type Context struct {
	ctx   context.Context
	asked int
	flag  *atomic.Bool // nil at first
	stop  func() bool
}

// askedLong is when setting the flag up has become cheap beside asking.
const askedLong = 128

// On returns a watch on ctx.
func On(ctx context.Context) Context { return Context{ctx: ctx} }

// Done tells whether the context is done.
func (w *Context) Done() bool {
	if w.flag != nil {
		return w.flag.Load()
	}
	return w.ask()
}

func (w *Context) ask() bool {
	if w.ctx.Err() != nil {
		return true
	}
	if w.asked++; w.asked == askedLong {
		flag := new(atomic.Bool)
		w.flag = flag
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
