// Package drain carries a request in a run's context: end the run's sources early, so that
// everything they have emitted still reaches its end.
package drain

import "context"

type key struct{}

// With returns a context whose sources are drained when drain is called, or when the sources of ctx
// are. The caller must call drain once the run is over.
func With(ctx context.Context) (_ context.Context, drain func()) {
	outer := Signal(ctx)
	if outer == nil {
		outer = context.Background()
	}
	signal, drain := context.WithCancel(outer)
	return context.WithValue(ctx, key{}, signal), drain
}

// Without returns ctx without the drain, for the work that belongs to one element: sources that run
// in it are not drained.
func Without(ctx context.Context) context.Context {
	if Signal(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, nil)
}

// Signal returns a context that is done when the sources of ctx must end, or nil if they cannot be
// drained.
func Signal(ctx context.Context) context.Context {
	signal, _ := ctx.Value(key{}).(context.Context)
	return signal
}

// Done returns a channel that is closed when the sources of ctx must end, or nil if they cannot be
// drained.
func Done(ctx context.Context) <-chan struct{} {
	if signal := Signal(ctx); signal != nil {
		return signal.Done()
	}
	return nil
}

// Begun reports whether the sources of ctx must end.
func Begun(ctx context.Context) bool {
	signal := Signal(ctx)
	return signal != nil && signal.Err() != nil
}

// OnBegin calls f, on a new goroutine, when the sources of ctx must end. release cancels that. When
// release has returned, f is not running and will not be called.
func OnBegin(ctx context.Context, f func()) (release func()) {
	signal := Signal(ctx)
	if signal == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(signal, func() {
		defer close(ended)
		f()
	})
	return func() {
		if !stop() {
			<-ended
		}
	}
}
