// Package mongowait bounds how long the MongoDB driver waits for a server.
package mongowait

import "context"

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
