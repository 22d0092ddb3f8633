package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// FailAt returns a flow that passes the first n elements and then fails with err, in place of the
// next element or of the end. If there are fewer than n elements, it passes them all.
//
// Before a stage it is an upstream that fails. After a stage it makes that stage's emit fail.
func FailAt[T any](n int, err error) stream.Flow[T, T] {
	return faultAt[T]("FailAt", n, func(context.Context) error { return err })
}
