package source

import (
	"context"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Slice returns a source of the elements of xs, which it does not copy: where they are slices themselves, a receiver that
// changes one changes xs, and the next run.
func Slice[T any](xs []T) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		w := watch.On(ctx)
		defer w.End()
		for _, x := range xs {
			if w.Done() {
				return context.Cause(ctx)
			}
			if err := emit(x); err != nil {
				return err
			}
		}
		return nil
	})
}

// Of returns a source of the values given.
func Of[T any](xs ...T) stream.Source[T] { return Slice(xs) }

// Empty returns a source that completes at once.
func Empty[T any]() stream.Source[T] { return Slice[T](nil) }
