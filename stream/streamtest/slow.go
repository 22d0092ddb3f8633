package streamtest

import (
	"context"
	"time"

	"github.com/millweir/millweir/stream"
)

// Slow returns a source whose every element comes d later than src emits it. In a synctest bubble that costs no time.
//
// Before a stage it is a slow upstream; after a stage it is a slow downstream.
func Slow[T any](src stream.Source[T], d time.Duration) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
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
