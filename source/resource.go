package source

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Resource returns a source of the elements that next reads from a resource, such as a cursor or a
// subscription. Every run calls open first. next returns ok = false at the end. The resource comes
// before the context, so that next and shut can be method expressions:
//
//	source.Resource(open, (*Cursor).Next, (*Cursor).Close)
//
// shut closes the resource, once, before the run returns: after the last element, an error, an
// early end, a cancellation or a panic.
//
//   - Memory: one element and the resource.
//   - Errors: an error of one of the three functions ends the run and is returned unwrapped; that
//     of shut is joined to an earlier error.
//   - Limits: after a cancellation, the context of shut ends 800 ms later, so that the run ends
//     within a second. Without a cancellation, shut may take any time. A drain ends the source
//     between two calls of next. To interrupt a blocked next as well, wrap the source in
//     [stream.Drainable].
func Resource[R, T any](
	open func(context.Context) (R, error),
	next func(R, context.Context) (v T, ok bool, err error),
	shut func(R, context.Context) error,
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
			err = ending.Join(err, shut(r, ctx))
		}()
		for {
			if ctx.Err() != nil || drained != nil && drained.Err() != nil {
				return context.Cause(ctx)
			}
			v, ok, err := next(r, run)
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
