package source

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Slice returns a source of the elements of xs, which it does not copy.
func Slice[T any](xs []T) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		for _, x := range xs {
			if ctx.Err() != nil {
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
