package stream

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
)

// MapResource returns a flow that opens a resource when the run begins, emits f(r, ctx, v) for each
// element v, and closes the resource when the run ends for any reason. shut may be nil. The
// resource comes before the context, so that f and shut can be method expressions, such as
// (*Client).Lookup.
//
//   - Memory: the resource.
//   - Errors: an error of open or f ends the run, unchanged. An error of shut is joined to the
//     run's.
//   - Limits: after the run's context is done, shut has 800 ms before its own context ends, so that
//     a cancelled run ends within a second.
func MapResource[R, T, U any](
	open func(context.Context) (R, error),
	f func(R, context.Context, T) (U, error),
	shut func(R, context.Context) error,
) Flow[T, U] {
	if open == nil || f == nil {
		return invalid[T, U]("MapResource: a function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) (err error) {
		calls := WithoutDrain(ctx)
		r, err := open(calls)
		if err != nil {
			return ending.Cause(ctx, err)
		}
		if shut != nil {
			defer func() {
				ctx, end := ending.Outlive(calls)
				defer end()
				err = ending.Join(err, shut(r, ctx))
			}()
		}
		return src.Each(ctx, func(v T) error {
			u, err := f(r, calls, v)
			if err != nil {
				return ending.Cause(ctx, err)
			}
			return emit(u)
		})
	})
}
