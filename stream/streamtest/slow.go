package streamtest

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/stream"
)

// Slow returns a flow that delays every element by d. In a synctest bubble the delay takes no real
// time.
//
// Before a stage it is a slow upstream. After a stage it is a slow downstream.
func Slow[T any](d time.Duration) stream.Flow[T, T] {
	if d < 0 {
		return stream.FlowFunc[T, T](func(stream.Source[T]) stream.Source[T] {
			return stream.Fail[T](fmt.Errorf("streamtest: Slow: %v; it must not be negative", d))
		})
	}
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
