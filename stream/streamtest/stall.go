package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Stall returns a flow that passes the first n elements and then waits until its context is done, in place of the next element or
// of the end; then it returns the context's cause. Where fewer than n elements come it passes them all.
//
// Before a stage it is an upstream that has nothing more to say and does not end; after a stage that stage's emit blocks.
func Stall[T any](n int) stream.Flow[T, T] {
	return faultAt[T]("Stall", n, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}
