// Package drain carries through a run's context the request to end the run's sources early, so that everything they have emitted
// is carried to its end.
package drain

import "context"

type key struct{}

// With returns a context whose sources are drained when drain is called, or when those of ctx are. The caller must call drain
// once the run is over.
func With(ctx context.Context) (_ context.Context, drain func()) {
	outer := Signal(ctx)
	if outer == nil {
		outer = context.Background()
	}
	signal, drain := context.WithCancel(outer)
	return context.WithValue(ctx, key{}, signal), drain
}

// Without returns ctx for what belongs to an element that was taken: sources that run in it are not drained.
func Without(ctx context.Context) context.Context {
	if Signal(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, nil)
}

// Signal returns a context that is done when the sources of ctx are to end; nil if they cannot be drained.
func Signal(ctx context.Context) context.Context {
	signal, _ := ctx.Value(key{}).(context.Context)
	return signal
}

// Done returns a channel that is closed when the sources of ctx are to end; nil if they cannot be drained.
func Done(ctx context.Context) <-chan struct{} {
	if signal := Signal(ctx); signal != nil {
		return signal.Done()
	}
	return nil
}

// Begun reports whether the sources of ctx are to end.
func Begun(ctx context.Context) bool {
	signal := Signal(ctx)
	return signal != nil && signal.Err() != nil
}

// OnBegin calls f, on a goroutine, when the sources of ctx are to end. The function it returns ends that: f is not called after it
// returned, and not running.
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
