package sink

import (
	"context"
	"errors"

	"github.com/millweir/millweir/stream"
)

// Fold returns a sink that folds the elements into one result: it begins with zero and makes f of the result so far and each
// element. zero is shared by all runs: where f would change it, fold into a fresh one by [ForEach].
func Fold[T, R any](zero R, f func(R, T) R) stream.Sink[T, R] {
	return stream.SinkFunc[T, R](func(ctx context.Context, src stream.Source[T]) (R, error) {
		if f == nil {
			return zero, errors.New("sink: Fold: the function is nil")
		}
		r := zero
		err := src.Each(ctx, func(x T) error {
			r = f(r, x)
			return nil
		})
		return r, err
	})
}
