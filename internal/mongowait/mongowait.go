// Package mongowait bounds how long the MongoDB driver waits for a server.
package mongowait

import (
	"context"
	"sync"
	"time"
)

// WithoutDeadline returns a context that ends with ctx and has its values, but no deadline. With a
// deadline, the driver repeats a refused command until the deadline, and then reports only that the
// time is over. A time limit of the client has the same effect, and this package cannot see it.
func WithoutDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); !has {
		return ctx, func() {}
	}
	u, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return u, func() {
		stop()
		cancel(nil)
	}
}

// Outlasting returns a context that has the values of ctx and no deadline, and that ends some time
// after ctx. grace returns this time for the cause of the end of ctx. If ctx has ended already, so has
// the result.
func Outlasting(ctx context.Context, grace func(cause error) time.Duration) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var (
		mu   sync.Mutex
		last *time.Timer
		done bool
	)
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !done {
			cause := context.Cause(ctx)
			last = time.AfterFunc(grace(cause), func() { cancel(cause) })
		}
	})
	return longer, func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		if done = true; last != nil {
			last.Stop()
		}
		cancel(nil)
	}
}
