package stream

import (
	"context"

	"github.com/millweir/millweir/internal/drain"
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
	ctx, drain := drain.With(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	r := &Running[R]{cancel: cancel, drain: drain, done: make(chan struct{})}
	r.group, _ = NewGroup(context.WithoutCancel(ctx))
	r.group.Go(func() error {
		defer close(r.done)
		r.result, r.err = Run(ctx, src, sink)
		return nil
	})
	return r
}

// Done returns a channel that is closed when the run has ended.
func (r *Running[R]) Done() <-chan struct{} { return r.done }

// Drain ends the sources of the run early, between two elements, also while they wait, and lets everything that they have emitted
// come to its end: every stage flushes, and the run completes. It does not wait.
//
//   - A source learns of it by [Draining]. One that does not look, as one of your own, goes on to its end or up to Cancel, and
//     nothing is lost; put [Drainable] around it.
//   - Sources of bytes that are one whole (a file, an object, a reader) are not cut short, nor are the sources and runs that a
//     stage has begun for an element that it took. The first source above them that can be drained ends the run.
//   - After an early end of what is downstream of a stage, by [Take] or the like, nothing is different from a run without a drain.
func (r *Running[R]) Drain() { r.drain() }

// Cancel aborts the run with cause as its error; nil means context.Canceled. It does not wait.
func (r *Running[R]) Cancel(cause error) { r.cancel(cause) }

// Wait waits for the run to end and returns what [Run] would. A panic of the run surfaces here, as a [*PanicError].
func (r *Running[R]) Wait() (R, error) {
	defer r.cancel(nil)
	defer r.drain()
	<-r.done
	_ = r.group.Wait()
	return r.result, r.err
}
