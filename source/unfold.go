package source

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Unfold returns a source of the elements that f returns one after another, such as the pages of a
// list. The first call of f gets seed, and each later call the state that the previous one
// returned. It returns the next state and an element, or ok = false at the end. Every run begins
// with seed. An error of f ends the run and is returned unwrapped.
//
// A drain of the run ends it between two calls of f. To interrupt a blocked f as well, wrap the
// source in [stream.Drainable].
func Unfold[S, T any](seed S, f func(context.Context, S) (next S, v T, ok bool, err error)) stream.Source[T] {
	if f == nil {
		return stream.Fail[T](errors.New("source: Unfold: the function is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		w := watch.Source(ctx)
		defer w.End()
		run := stream.WithoutDrain(ctx)
		for state := seed; ; {
			if w.Check.Load() && w.Done() {
				return context.Cause(ctx)
			}
			next, v, ok, err := f(run, state)
			switch {
			case err != nil:
				return ending.Cause(ctx, err)
			case !ok:
				return context.Cause(ctx) // nil, unless a cancellation may have cut it short
			}
			if err := emit(v); err != nil {
				return err
			}
			state = next
		}
	})
}
