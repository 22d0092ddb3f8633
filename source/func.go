package source

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Func returns a source of the one element that f returns, such as the result of a query for one
// value. Every run calls f, on the run's goroutine. An error of f ends the run and is returned
// unwrapped.
func Func[T any](f func(context.Context) (T, error)) stream.Source[T] {
	if f == nil {
		return stream.Fail[T](errors.New("source: Func: the function is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if ctx.Err() != nil || drain.Begun(ctx) {
			return context.Cause(ctx)
		}
		v, err := f(stream.WithoutDrain(ctx))
		switch {
		case err != nil:
			return ending.Cause(ctx, err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		return emit(v)
	})
}

// Defer returns a source of the elements of the source that f returns. Use it for a source that
// must be looked up, opened or chosen when the run begins. Every run calls f. An error of f ends
// the run and is returned unwrapped.
func Defer[T any](f func(context.Context) (stream.Source[T], error)) stream.Source[T] {
	if f == nil {
		return stream.Fail[T](errors.New("source: Defer: the function is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		src, err := f(stream.WithoutDrain(ctx))
		switch {
		case err != nil:
			return ending.Cause(ctx, err)
		case src == nil:
			return errors.New("source: Defer: the function returned no source")
		}
		return src.Each(ctx, emit)
	})
}
