package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Stall returns a flow that passes the first n elements. Then, in place of the next element or of
// the end, it waits until its context is done and returns the context's cause. If there are fewer
// than n elements, it passes them all.
//
// Before a stage it is an upstream that emits nothing more and does not end. After a stage it makes
// that stage's emit block.
func Stall[T any](n int) stream.Flow[T, T] {
	return faultAt[T]("Stall", n, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}
