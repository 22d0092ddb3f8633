package source

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Resource returns a source of the elements that next reads from what open opened: a cursor, a subscription. next returns
// ok = false when there are no more.
//
//   - Clean-up: whatever open opened is closed, once, before the run returns: after the last element, an error, an early end, a
//     cancellation or a panic. The context of shut is not cancelled with the run's, but 800 ms later, so that a cancelled run
//     ends within a second; a run that was not cancelled waits for shut as long as it takes.
//   - Memory: one element and the resource. Every run opens its own.
//   - A drain of the run ends it between two calls of next. To end a next that waits, put [stream.Drainable] around it.
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
		drained := drain.Signal(ctx)
		if ctx.Err() != nil || drained != nil && drained.Err() != nil {
			return context.Cause(ctx)
		}
		run := stream.WithoutDrain(ctx)
		r, err := open(run)
		if err != nil {
			return ending.Cause(ctx, err)
		}
		defer func() {
			ctx, end := ending.Outlive(run)
			defer end()
			err = ending.Join(err, shut(ctx, r))
		}()
		for {
			if ctx.Err() != nil || drained != nil && drained.Err() != nil {
				return context.Cause(ctx)
			}
			v, ok, err := next(run, r)
			switch {
			case err != nil:
				return ending.Cause(ctx, err)
			case !ok:
				return context.Cause(ctx) // nil, unless a cancellation may have cut it short
			}
			if err := emit(v); err != nil {
				return err
			}
		}
	})
}
