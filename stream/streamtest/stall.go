package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Stall returns a source that emits the first n elements of src and then waits until its context is done, in place of the next
// element or of the end; then it returns the context's cause. Where src has fewer than n elements it is src.
//
// Before a stage it is an upstream that has nothing more to say and does not end; after a stage that stage's emit blocks.
func Stall[T any](src stream.Source[T], n int) stream.Source[T] {
	return faultAt("Stall", src, n, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}
