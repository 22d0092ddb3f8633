package streamtest

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// PanicAt returns a flow that passes the first n elements and then panics with v, in place of the
// next element or of the end. If there are fewer than n elements, it passes them all.
//
// Before a stage it is an upstream that panics. After a stage it makes that stage's emit panic.
func PanicAt[T any](n int, v any) stream.Flow[T, T] {
	return faultAt[T]("PanicAt", n, func(context.Context) error { panic(v) })
}
