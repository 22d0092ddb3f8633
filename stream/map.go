package stream

import (
	"context"

	"github.com/millweir/millweir/internal/ending"
)

// Map returns a flow that emits f(v) for each element v.
func Map[T, U any](f func(T) U) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("Map: the function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		if s, ok := src.(filtered[T]); ok {
			keep := s.keep
			return s.src.Each(ctx, func(v T) error {
				if !keep(v) {
					return nil
				}
				return emit(f(v))
			})
		}
		return src.Each(ctx, func(v T) error { return emit(f(v)) })
	})
}

// TryMap returns a flow that emits f(ctx, v) for each element v. f may fail or block. For
// concurrent calls, see [MapParallel].
//
//   - Errors: an error of f ends the run, unchanged.
func TryMap[T, U any](f func(context.Context, T) (U, error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("TryMap: the function is nil")
	}
	return fuse(func(ctx context.Context, emit func(U) error) func(T) error {
		call := WithoutDrain(ctx)
		return func(v T) error {
			u, err := f(call, v)
			if err != nil {
				return ending.Cause(ctx, err)
			}
			return emit(u)
		}
	})
}
