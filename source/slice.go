package source

import (
	"context"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Slice returns a source of the elements of xs, which it does not copy: where they are slices themselves, a receiver that
// changes one changes xs, and the next run.
func Slice[T any](xs []T) stream.Source[T] {
	return slice[T](xs)
}

// slice is a [stream.SliceSource]: it has all its elements at hand.
type slice[T any] []T

func (xs slice[T]) Each(ctx context.Context, emit func(T) error) error {
	w := watch.On(ctx)
	defer w.End()
	for _, x := range xs {
		if w.Ask.Load() && w.Done() {
			return context.Cause(ctx)
		}
		if err := emit(x); err != nil {
			return err
		}
	}
	return nil
}

func (xs slice[T]) EachSlice(ctx context.Context, take func([]T) error) error {
	switch {
	case len(xs) == 0:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return take(xs[:len(xs):len(xs)])
}

// Of returns a source of the values given.
func Of[T any](xs ...T) stream.Source[T] { return Slice(xs) }

// Empty returns a source that completes at once.
func Empty[T any]() stream.Source[T] { return Slice[T](nil) }
