package stream

import (
	"context"
	"errors"
	"time"

	"github.com/millweir/millweir/internal/early"
)

// Delay returns a flow that emits each element when d has passed since its arrival. When 16
// elements wait, the upstream waits too.
//
//   - Memory: 16 elements.
//   - Order and goroutines: the order is kept; one goroutine for the upstream, which has ended when
//     the run returns.
//   - Errors: an error of the upstream overtakes the waiting elements.
func Delay[T any](d time.Duration) Flow[T, T] {
	if d < 0 {
		return invalid[T, T]("Delay: %v; it must not be negative", d)
	}
	return DelayFunc(func(T) time.Duration { return d })
}

// DelayFunc is [Delay] with a delay that f returns for each element. An element waits for the
// elements before it.
func DelayFunc[T any](f func(T) time.Duration) Flow[T, T] {
	if f == nil {
		return invalid[T, T]("DelayFunc: the function is nil")
	}
	type timed struct {
		v  T
		at time.Time
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		stamped := Via(src, Map(func(v T) timed { return timed{v, time.Now().Add(f(v))} }))
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			return runAhead(ctx, stamped, sideAhead, func(ctx context.Context, q *ring[timed]) error {
				return q.source().Each(ctx, func(t timed) error {
					if err := sleep(ctx, time.Until(t.at)); err != nil {
						return err
					}
					return emit(t.v)
				})
			})
		})
	})
}

// InitialDelay returns a flow whose run waits for d, or until it is drained, before it starts the
// upstream. It holds no element.
func InitialDelay[T any](d time.Duration) Flow[T, T] {
	if d < 0 {
		return invalid[T, T]("InitialDelay: %v; it must not be negative", d)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		if err := rest(ctx, d); err != nil {
			return err
		}
		return each(ctx, src, emit)
	})
}

// sleep waits for d. If ctx is done first, it returns the cause.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// SkipFor returns a flow that drops the elements that arrive within d of the start. Fused; it holds
// no element.
func SkipFor[T any](d time.Duration) Flow[T, T] {
	if d < 0 {
		return invalid[T, T]("SkipFor: %v; it must not be negative", d)
	}
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		began, passing := time.Now(), false
		return func(v T) error {
			if passing = passing || time.Since(began) >= d; !passing {
				return nil
			}
			return emit(v)
		}
	})
}

// TakeFor returns a flow that completes when d has passed since the start. The upstream is stopped,
// even while it waits, and that is not an error. Elements that stages upstream hold are dropped, as
// by [Take]. Fused; it holds no element.
func TakeFor[T any](d time.Duration) Flow[T, T] {
	if d < 0 {
		return invalid[T, T]("TakeFor: %v; it must not be negative", d)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		enough := new(stop)
		ctx, cancel := early.WithCancel(ctx)
		defer cancel(nil)
		defer time.AfterFunc(d, func() { cancel(enough) }).Stop()
		return without(each(ctx, src, func(v T) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return emit(v)
		}), enough)
	})
}

// KeepAlive returns a flow that emits f() whenever the upstream has emitted nothing for d: for
// example, to keep an idle connection open. f is called on the downstream's goroutine.
//
//   - Memory: up to 16 elements that wait.
//   - Order and goroutines: the order is kept; one goroutine for the upstream, which has ended when
//     the run returns.
//   - Errors: an error of the upstream overtakes the waiting elements.
func KeepAlive[T any](d time.Duration, f func() T) Flow[T, T] {
	switch {
	case d <= 0:
		return invalid[T, T]("KeepAlive: %v; it must be positive", d)
	case f == nil:
		return invalid[T, T]("KeepAlive: the function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		return runAhead(ctx, src, sideAhead, func(ctx context.Context, q *ring[T]) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			for {
				v, err := q.pop(ctx, timer.C)
				switch {
				case errors.Is(err, errEnded):
					return nil
				case errors.Is(err, errDue):
					v, err = f(), nil
				}
				if err == nil {
					err = emit(v)
				}
				if err != nil {
					return err
				}
				timer.Reset(d)
			}
		})
	})
}
