package source

import (
	"context"
	"errors"
	"time"

	"github.com/millweir/millweir/stream"
)

// Resource returns a source of the elements that next reads from what open opened: a cursor, a subscription. next returns
// ok = false when there are no more.
//
//   - Clean-up: whatever open opened is closed, once, before the run returns: after the last element, an error, an early end, a
//     cancellation or a panic. The context of shut is not cancelled with the run's, but 800 ms later, so that a cancelled run
//     ends within a second; a run that was not cancelled waits for shut as long as it takes.
//   - Memory: one element and the resource. Every run opens its own.
//   - Errors: those of the three functions end the run, as they are; that of shut is joined to an earlier one.
func Resource[R, T any](
	open func(context.Context) (R, error),
	next func(context.Context, R) (v T, ok bool, err error),
	shut func(context.Context, R) error,
) stream.Source[T] {
	if open == nil || next == nil || shut == nil {
		return stream.Fail[T](errors.New("source: Resource: a function is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) (err error) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r, err := open(ctx)
		if err != nil {
			return caused(ctx, err)
		}
		defer func() {
			ctx, end := outlive(ctx, 800*time.Millisecond)
			defer end()
			if e := shut(ctx, r); e != nil {
				err = join(err, e)
			}
		}()
		for {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			v, ok, err := next(ctx, r)
			switch {
			case err != nil:
				return caused(ctx, err)
			case !ok:
				return finished(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
		}
	})
}

// outlive returns a context that is cancelled only when ctx has been for the time of grace. The function it returns frees it.
func outlive(ctx context.Context, grace time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// join adds what clean-up reported to err, which may be nil.
func join(err, cleanup error) error {
	if err == nil {
		return cleanup
	}
	return errors.Join(err, cleanup)
}
