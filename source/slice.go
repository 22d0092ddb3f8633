package source

import (
	"context"
	"slices"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Slice returns a source of the elements of xs. It does not copy them. If the elements are slices,
// a receiver that modifies one also changes xs, and with it the next run.
func Slice[T any](xs []T) stream.Source[T] {
	return slice[T](xs)
}

// slice is a [stream.SliceSource], because it already holds all its elements.
type slice[T any] []T

func (xs slice[T]) Each(ctx context.Context, emit func(T) error) error {
	w := watch.Source(ctx)
	defer w.End()
	for _, x := range xs {
		if w.Check.Load() && w.Done() {
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
	signal := drain.Signal(ctx)
	if signal == nil {
		return take(xs[:len(xs):len(xs)])
	}
	for part := range slices.Chunk(xs, drainEvery) {
		if ctx.Err() != nil || signal.Err() != nil {
			return context.Cause(ctx)
		}
		if err := take(part); err != nil {
			return err
		}
	}
	return nil
}

// drainEvery is the largest number of elements that a drainable run passes on at once. A drain does
// not take effect between them.
const drainEvery = 16

// Of returns a source of the given values. They belong together, like a header and a footer that
// [stream.Concat] puts around other elements, so a drain of the run does not separate them. For
// elements that are units of work, use [Slice].
func Of[T any](xs ...T) stream.Source[T] { return values[T](xs) }

// values is a slice that ignores drains.
type values[T any] []T

func (xs values[T]) Each(ctx context.Context, emit func(T) error) error {
	return slice[T](xs).Each(stream.WithoutDrain(ctx), emit)
}

func (xs values[T]) EachSlice(ctx context.Context, take func([]T) error) error {
	return slice[T](xs).EachSlice(stream.WithoutDrain(ctx), take)
}

// Empty returns a source that completes at once.
func Empty[T any]() stream.Source[T] { return Slice[T](nil) }
