package streamtest

import (
	"context"
	"time"

	"github.com/millweir/millweir/stream"
)

// Slow returns a flow that passes every element d after it came. In a synctest bubble that costs no time.
//
// Before a stage it is a slow upstream; after a stage it is a slow downstream.
func Slow[T any](d time.Duration) stream.Flow[T, T] {
	return counted("Slow", 0, func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		return src.Each(ctx, func(v T) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return emit(v)
		})
	})
}
