package stream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is the error of [IdleTimeout], [FirstTimeout] and [StallTimeout]. It is of class
// Retryable. It does not match context.DeadlineExceeded, which is the deadline of the whole run,
// set by a context.
var ErrTimeout = Mark(errors.New("too long"), Retryable)

// IdleTimeout returns a flow that fails with [ErrTimeout] if its upstream emits nothing for d while
// the downstream waits.
func IdleTimeout[T any](d time.Duration) Flow[T, T] {
	return timeout[T]("IdleTimeout", eachElement, d)
}

// FirstTimeout returns a flow that fails with [ErrTimeout] if its upstream has emitted nothing d
// after the start.
func FirstTimeout[T any](d time.Duration) Flow[T, T] {
	return timeout[T]("FirstTimeout", firstElement, d)
}

// awaited is what must come in time.
type awaited string

const (
	eachElement  awaited = "element"
	firstElement awaited = "first element"
)

func timeout[T any](name string, what awaited, d time.Duration) Flow[T, T] {
	if d <= 0 {
		return invalid[T, T]("%s: %v; it must be positive", name, d)
	}
	late := fmt.Errorf("stream: %s: no %s within %v: %w", name, what, d, ErrTimeout)
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
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
			if what == eachElement {
				timer.Reset(d)
			}
			return nil
		})
	})
}

// StallTimeout returns a sink that runs sink, and fails with [ErrTimeout] if sink holds one element
// for more than d before it takes the next: for example, if an upload hangs. The time that sink
// takes to finish after the last element is limited to d too.
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
		timer.Stop() // until the sink holds an element
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
