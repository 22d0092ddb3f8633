package stream

import (
	"context"
	"sync"
)

// gate guards the state that two goroutines of one run share. One goroutine waits in when until the
// other makes a condition true by a call of do.
type gate struct {
	mu      sync.Mutex
	changed sync.Cond
	ended   bool // the upstream has completed
	halted  bool // the run's context is done
}

// openGate returns a gate for a run, and a function that detaches it from ctx.
func openGate(ctx context.Context) (g *gate, release func() bool) {
	g = new(gate)
	g.changed.L = &g.mu
	return g, context.AfterFunc(ctx, func() { g.do(func() { g.halted = true }) })
}

// do runs f, which changes the guarded state.
func (g *gate) do(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	g.changed.Broadcast()
}

// when waits until ready returns true, runs f and returns nil. If ctx is done first, it returns the
// cause.
func (g *gate) when(ctx context.Context, ready func() bool, f func()) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.halted && !ready() {
		g.changed.Wait()
	}
	if g.halted {
		return context.Cause(ctx)
	}
	f()
	g.changed.Broadcast()
	return nil
}

// gated runs src into put on a new goroutine. On the caller's goroutine, it calls take until take
// reports the end.
func gated[T any](ctx context.Context, src Source[T],
	put func(ctx context.Context, g *gate, v T) error,
	take func(ctx context.Context, g *gate) (more bool, err error),
) error {
	group, ctx := NewGroup(ctx)
	g, release := openGate(ctx)
	defer release()
	group.Go(func() error {
		err := src.Each(ctx, func(v T) error { return put(ctx, g, v) })
		if err == nil {
			g.do(func() { g.ended = true })
		}
		return err
	})
	return group.Do(func() error {
		for {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if more, err := take(ctx, g); err != nil || !more {
				return err
			}
		}
	})
}
