package sink

import (
	"context"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Fold returns a sink that folds the elements into one result: it begins with zero and makes f of the result so far and each
// element. Beside an error the result is what had been folded.
//
// zero is shared by all runs: where f would change it, as a map, fold into a fresh one by [ForEach].
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
			if w.Ask.Load() && w.Done() {
				return w.Cause()
			}
			r = f(r, x)
		}
		return nil
	})
	return r, err
}

// Reduce returns a sink that makes one element of all: f of the first two, f of that and the third… A single element is the
// result itself; with none the run ends with [ErrEmpty].
func Reduce[T any](f func(T, T) T) stream.Sink[T, T] {
	if f == nil {
		return invalid[T, T]("Reduce: the function is nil")
	}
	return stream.SinkFunc[T, T](func(ctx context.Context, src stream.Source[T]) (T, error) {
		var r, none T
		some := false
		err := src.Each(ctx, func(x T) error {
			if some {
				r = f(r, x)
			} else {
				r, some = x, true
			}
			return nil
		})
		switch {
		case err != nil:
			return none, err
		case !some:
			return none, ErrEmpty
		}
		return r, nil
	})
}
