package source

import (
	"context"
	"sync/atomic"
)

// watch tells between two elements whether the run's context is done. Asking a context costs some nanoseconds, as much as two
// fused stages, so in a long run a flag is read that the context sets.
type watch struct {
	ctx   context.Context
	asked int
	flag  *atomic.Bool // nil at first
	stop  func() bool
}

// askedLong is when setting the flag up has become cheap beside asking.
const askedLong = 128

func (w *watch) done() bool {
	if w.flag != nil {
		return w.flag.Load()
	}
	return w.ask()
}

func (w *watch) ask() bool {
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

// end frees what the watch holds.
func (w *watch) end() {
	if w.stop != nil {
		w.stop()
	}
}
