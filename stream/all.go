package stream

import (
	"context"
	"iter"
)

// All returns the elements of src for a range loop. Each range is a separate run, on the caller's
// goroutine.
//
//	for doc, err := range stream.All(ctx, src) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error comes last, with the zero element. Breaking out of the loop is an early end: the
// upstream is stopped, and it has ended when the loop is left. A panic of the run surfaces as a
// [*PanicError]; a panic in the body of the loop passes unchanged.
func All[T any](ctx context.Context, src Source[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var loop struct{ inBody, left bool }
		defer func() {
			if loop.inBody {
				return // the panic is the caller's own
			}
			if v := recover(); v != nil {
				panic(panicked(v))
			}
		}()
		enough := new(stop)
		err := each(ctx, src, func(v T) error {
			loop.inBody = true
			more := yield(v, nil)
			loop.inBody = false
			if !more {
				loop.left = true
				return enough
			}
			return nil
		})
		if err != nil && !loop.left {
			var none T
			loop.inBody = true
			yield(none, err)
		}
	}
}
