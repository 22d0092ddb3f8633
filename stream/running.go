package stream

import (
	"context"
	"sync"
)

// Running is a run that goes on in the background.
type Running[R any] struct {
	cancel context.CancelCauseFunc
	drain  func()
	done   chan struct{}
	group  *Group
	result R
	err    error
}

// Go starts a run of src into sink on a goroutine of its own. Wait must be called.
func Go[T, R any](ctx context.Context, src Source[T], sink Sink[T, R]) *Running[R] {
	ctx, cancel := context.WithCancelCause(ctx)
	enough := make(chan struct{})
	r := &Running[R]{cancel: cancel, drain: sync.OnceFunc(func() { close(enough) }), done: make(chan struct{})}
	r.group, _ = NewGroup(context.WithoutCancel(ctx))
	r.group.Go(func() error {
		defer close(r.done)
		r.result, r.err = Run(ctx, Via(src, Until[T](enough)), sink)
		return nil
	})
	return r
}

// Done returns a channel that is closed when the run has ended.
func (r *Running[R]) Done() <-chan struct{} { return r.done }

// Drain ends the source early and lets what it has emitted come to its end: the run completes. It does not wait.
func (r *Running[R]) Drain() { r.drain() }

// Cancel aborts the run with cause as its error; nil means context.Canceled. It does not wait.
func (r *Running[R]) Cancel(cause error) { r.cancel(cause) }

// Wait waits for the run to end and returns what [Run] would. A panic of the run surfaces here as a [*PanicError].
func (r *Running[R]) Wait() (R, error) {
	defer r.cancel(nil)
	<-r.done
	_ = r.group.Wait()
	return r.result, r.err
}
