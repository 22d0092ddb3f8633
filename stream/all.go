package stream

import (
	"context"
	"iter"
)

// All returns the elements of src for a range loop. Each range over it is a run of its own, on the caller's goroutine.
//
//	for doc, err := range stream.All(ctx, src) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error comes last, with the zero element. Breaking out of the loop is an early end: the upstream is stopped, and has ended
// when the loop is left.
func All[T any](ctx context.Context, src Source[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		enough, broken := new(stop), false
		err := each(ctx, src, func(v T) error {
			if !yield(v, nil) {
				broken = true
				return enough
			}
			return nil
		})
		if err != nil && !broken {
			var none T
			yield(none, err)
		}
	}
}
