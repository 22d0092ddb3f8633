package stream

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/early"
)

// Draining returns a channel that is closed when the run of ctx is drained, see [Running.Drain]. A
// source selects on it in addition to its input, and completes between two elements once it is
// closed. In a run that cannot be drained, and in a context of [WithoutDrain], the channel is nil,
// and receiving from it blocks forever.
func Draining(ctx context.Context) <-chan struct{} { return drain.Done(ctx) }

// WithoutDrain returns a context in which sources are not drained. A stage uses it for work on an
// element that it has taken, which a drain must not cut short. The inner sources of [ConcatMap] run
// in such a context, and so do the functions that [TryMap], [MapParallel] and similar stages call.
func WithoutDrain(ctx context.Context) context.Context { return drain.Without(ctx) }

// Drainable returns a source that emits the elements of src and ends when the run is drained. Use
// it for a source that does not check [Draining]. src is stopped between two elements, even while
// it waits. If it emits an element nevertheless, the element is passed on. Fused; it holds no
// element.
//
//	replies := stream.Via(stream.Drainable(subscription), stream.MapParallel(8, handle))
//	running := stream.Go(ctx, replies, sink.Discard[Reply]())
//
// src must be a source, not a pipeline with stages that hold elements: it is stopped as by [Take],
// and the elements in such stages are dropped.
func Drainable[T any](src Source[T]) Source[T] {
	if src == nil {
		return Fail[T](errNilSource)
	}
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		signal := drain.Signal(ctx)
		switch {
		case signal == nil:
			return src.Each(ctx, emit)
		case signal.Err() != nil:
			return context.Cause(ctx)
		}
		enough := new(stop)
		up, cancel := early.WithCancel(drain.Without(ctx))
		defer cancel(nil)
		defer drain.OnBegin(ctx, func() { cancel(enough) })()
		err := src.Each(up, func(v T) error {
			if err := emit(v); err != nil {
				return err
			}
			if signal.Err() != nil {
				return enough
			}
			return nil
		})
		if ctx.Err() == nil && signal.Err() != nil && isCanceled(err) {
			return nil
		}
		return without(err, enough)
	})
}

// undrained returns src as a source that a drain does not end, for work on an element that a stage
// has taken.
func undrained[T any](src Source[T]) Source[T] {
	if src == nil {
		return nil
	}
	run := sliceSource[T](func(ctx context.Context, to receiver[T]) error { return pour(WithoutDrain(ctx), src, to) })
	if _, ok := src.(SliceSource[T]); ok {
		return run
	}
	return SourceFunc[T](run.Each)
}

// isCanceled reports whether err is context.Canceled, wrapped or not, and nothing else.
func isCanceled(err error) bool {
	for err != nil {
		if err == context.Canceled { //nolint:errorlint // it is unwrapped here, so as not to look into joined errors
			return true
		}
		u, ok := err.(interface{ Unwrap() error }) //nolint:errorlint // likewise
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}

// rest waits for d like sleep, but returns early, without an error, when the run is drained. It is
// for a source that holds no element.
func rest(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-drain.Done(ctx):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
