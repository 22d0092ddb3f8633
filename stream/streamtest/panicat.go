package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// PanicAt returns a source that emits the first n elements of src and then panics with v, in place of the next element or of the
// end. Where src has fewer than n elements it is src.
//
// Before a stage it is an upstream that panics; after a stage that stage's emit panics.
func PanicAt[T any](src stream.Source[T], n int, v any) stream.Source[T] {
	return faultAt("PanicAt", src, n, func(context.Context) error { panic(v) })
}
