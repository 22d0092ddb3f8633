package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// FailAt returns a source that emits the first n elements of src and then fails with err, in place of the next element or of the
// end. Where src has fewer than n elements it is src.
//
// Before a stage it is an upstream that fails; after a stage it makes that stage's emit fail.
func FailAt[T any](src stream.Source[T], n int, err error) stream.Source[T] {
	return faultAt("FailAt", src, n, func(context.Context) error { return err })
}
