package stream

import (
	"context"

	"github.com/millweir/millweir/internal/drain"
)

// Running is a run in the background.
type Running[R any] struct {
	cancel context.CancelCauseFunc
	drain  func()
	done   chan struct{}
	group  *Group
	result R
	err    error
}

// Go starts a run of src into sink on a new goroutine. The caller must call Wait.
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

// Drain ends the sources of the run between two elements, even while they wait. All elements that
// they have emitted still reach the sink: every stage flushes, and the run completes. Drain does
// not wait for that.
//
//   - A source sees the drain by [Draining]. A source that does not check it runs to its end or
//     until Cancel, and nothing is lost. To drain such a source too, wrap it in [Drainable].
//   - A drain does not truncate sources of bytes that are one whole, such as a file, an object or a
//     reader. It does not end sources and runs that a stage has started for an element. It ends the
//     next source upstream that can be drained.
//   - After an early end, by [Take] for example, a run with a drain behaves like one without.
func (r *Running[R]) Drain() { r.drain() }

// Cancel aborts the run with cause as its error; nil means context.Canceled. Cancel does not wait.
func (r *Running[R]) Cancel(cause error) { r.cancel(cause) }

// Wait waits until the run has ended and returns what [Run] would. A panic of the run surfaces
// here, as a [*PanicError].
func (r *Running[R]) Wait() (R, error) {
	defer r.cancel(nil)
	defer r.drain()
	<-r.done
	_ = r.group.Wait()
	return r.result, r.err
}
