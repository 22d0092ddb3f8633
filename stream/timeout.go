package stream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is what [IdleTimeout], [FirstTimeout] and [StallTimeout] end with. It is not a context.DeadlineExceeded: that is the
// deadline of the whole run, which a context sets. It is of class Retryable.
var ErrTimeout = Mark(errors.New("too long"), Retryable)

// IdleTimeout returns a flow that fails with [ErrTimeout] when its upstream emits nothing for d while the downstream waits. Fused;
// it holds no element.
func IdleTimeout[T any](d time.Duration) Flow[T, T] {
	return timeout[T]("IdleTimeout", "element", d, true)
}

// FirstTimeout returns a flow that fails with [ErrTimeout] when its upstream has emitted nothing d after the start. Fused; it holds
// no element.
func FirstTimeout[T any](d time.Duration) Flow[T, T] {
	return timeout[T]("FirstTimeout", "first element", d, false)
}

func timeout[T any](name, what string, d time.Duration, again bool) Flow[T, T] {
	if d <= 0 {
		return invalid[T, T]("%s: %v; it must be positive", name, d)
	}
	late := fmt.Errorf("stream: %s: no %s within %v: %w", name, what, d, ErrTimeout)
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			timer := time.AfterFunc(d, func() { cancel(late) })
			defer timer.Stop()
			return src.Each(ctx, func(v T) error {
				if !timer.Stop() && ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := emit(v); err != nil {
					return err
				}
				if again {
					timer.Reset(d)
				}
				return nil
			})
		})
	})
}

// StallTimeout returns a sink that is sink but fails with [ErrTimeout] when it keeps one element for more than d before it takes
// the next: an upload that hangs. What follows the last element, its finishing, is bounded by d too.
func StallTimeout[T, R any](d time.Duration, sink Sink[T, R]) Sink[T, R] {
	return SinkFunc[T, R](func(ctx context.Context, src Source[T]) (R, error) {
		var none R
		switch {
		case sink == nil:
			return none, errNilSink
		case d <= 0:
			return none, invalidError("StallTimeout: %v; it must be positive", d)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(d, func() {
			cancel(fmt.Errorf("stream: StallTimeout: an element was kept for more than %v: %w", d, ErrTimeout))
		})
		timer.Stop() // until there is something to keep
		defer timer.Stop()
		watched := SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			defer timer.Reset(d)
			return src.Each(ctx, func(v T) error {
				timer.Reset(d)
				err := emit(v)
				timer.Stop()
				return err
			})
		})
		return sink.Consume(ctx, watched)
	})
}
