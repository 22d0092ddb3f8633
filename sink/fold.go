package sink

import (
	"context"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Fold returns a sink that folds the elements into one result. It starts with zero and replaces the
// result r by f(r, v) for each element v. All runs share zero. If f modifies its result in place,
// as with a map, use [ForEach] with a new value for each run.
//
//   - Result: with an error, the result so far.
func Fold[T, R any](zero R, f func(R, T) R) stream.Sink[T, R] {
	if f == nil {
		return invalid[T, R]("Fold: the function is nil")
	}
	return stream.SinkFunc[T, R](func(ctx context.Context, src stream.Source[T]) (R, error) {
		r := zero
		if s, ok := src.(stream.SliceSource[T]); ok {
			return foldSlices(ctx, s, r, f)
		}
		err := src.Each(ctx, func(x T) error {
			r = f(r, x)
			return nil
		})
		return r, err
	})
}

func foldSlices[T, R any](ctx context.Context, src stream.SliceSource[T], r R, f func(R, T) R) (R, error) {
	w := watch.On(ctx)
	defer w.End()
	err := src.EachSlice(ctx, func(xs []T) error {
		for _, x := range xs {
			if w.Check.Load() && w.Done() {
				return w.Cause()
			}
			r = f(r, x)
		}
		return nil
	})
	return r, err
}

// Reduce returns a sink that combines all elements into one: f of the first two, then f of that and
// the third, and so on. A single element is the result itself. Without an element the run ends with
// [ErrEmpty].
func Reduce[T any](f func(T, T) T) stream.Sink[T, T] {
	if f == nil {
		return invalid[T, T]("Reduce: the function is nil")
	}
	return stream.SinkFunc[T, T](func(ctx context.Context, src stream.Source[T]) (T, error) {
		var r, none T
		hasElements := false
		err := src.Each(ctx, func(x T) error {
			if hasElements {
				r = f(r, x)
			} else {
				r, hasElements = x, true
			}
			return nil
		})
		switch {
		case err != nil:
			return none, err
		case !hasElements:
			return none, ErrEmpty
		}
		return r, nil
	})
}
