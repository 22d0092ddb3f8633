package sink

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Defer returns a sink that runs its input into the sink that f returns. Use it for a sink that
// must be looked up, opened or chosen when the run begins. Every run calls f before its upstream
// starts. An error of f ends the run and is returned unwrapped.
func Defer[T, R any](f func(context.Context) (stream.Sink[T, R], error)) stream.Sink[T, R] {
	if f == nil {
		return invalid[T, R]("Defer: the function is nil")
	}
	return stream.SinkFunc[T, R](func(ctx context.Context, src stream.Source[T]) (none R, _ error) {
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		into, err := f(stream.WithoutDrain(ctx))
		switch {
		case err != nil:
			return none, ending.Cause(ctx, err)
		case into == nil:
			return none, stream.Mark(errors.New("sink: Defer: the function returned no sink"), stream.Fatal)
		}
		return into.Consume(ctx, src)
	})
}

// Lazy returns a sink that calls f with the first element, and then runs all elements, including
// the first, into the sink that f returns. Use it for a file named after its content, or for an
// upload that starts only if there is data. Without an element it does not call f, and the result
// is zero.
//
//   - Memory: one element.
//   - Goroutines: none; the upstream runs as a coroutine.
//   - Errors: an error of f ends the run and is returned unwrapped.
func Lazy[T, R any](f func(ctx context.Context, first T) (stream.Sink[T, R], error)) stream.Sink[T, R] {
	if f == nil {
		return invalid[T, R]("Lazy: the function is nil")
	}
	return stream.SinkFunc[T, R](func(ctx context.Context, src stream.Source[T]) (result R, _ error) {
		consume := stream.LazyFlow(func(ctx context.Context, first T) (stream.Flow[T, R], error) {
			into, err := f(ctx, first)
			switch {
			case err != nil:
				return nil, err
			case into == nil:
				return nil, stream.Mark(errors.New("sink: Lazy: the function returned no sink"), stream.Fatal)
			}
			return stream.NewFlow(func(ctx context.Context, src stream.Source[T], _ func(R) error) (err error) {
				result, err = into.Consume(ctx, src)
				return err
			}), nil
		})
		err := stream.Via(src, consume).Each(ctx, func(R) error { return nil })
		return result, err
	})
}
