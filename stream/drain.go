package stream

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/early"
)

// Draining returns a channel that is closed when the run that ctx belongs to is drained, see [Running.Drain]. A source of your own
// waits for it as well as for what it emits, and completes between two elements once it is closed. The channel is nil, and waited
// for in vain, in a run that cannot be drained, and in what belongs to an element that was taken, see [WithoutDrain].
func Draining(ctx context.Context) <-chan struct{} { return drain.Done(ctx) }

// WithoutDrain returns a context in which sources are not drained. A stage uses it for what belongs to an element that it has
// taken, and that must not be cut short: the inner sources of [ConcatMap] run in one, and so do the functions that [TryMap], [MapN]
// and their like are given.
func WithoutDrain(ctx context.Context) context.Context { return drain.Without(ctx) }

// Drainable returns a source that emits what src does and ends when the run is drained: for a source that does not look at
// [Draining] itself. src is stopped between two elements, also while it waits, and an element that it emits nevertheless is passed on.
//
//	stream.Go(ctx, stream.Via(stream.Drainable(subscription), stream.MapN(8, handle)), sink.Discard[Reply]())
//
// src must be a source, not a pipeline with stages that hold elements: it is stopped as by [Take], and what such stages hold is dropped.
//
// Fused; it holds no element.
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

// undrained returns src as a source of what belongs to an element that was taken.
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

// rest waits for d like sleep, but no longer than until the run is drained: it is the wait of a source that holds no element.
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
