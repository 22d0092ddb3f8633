package stream

import "context"

// Skip returns a flow that drops the first n elements.
func Skip[T any](n int) Flow[T, T] {
	if n < 0 {
		return invalid[T, T]("Skip: %d elements; the count must not be negative", n)
	}
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		left := n
		return func(v T) error {
			if left > 0 {
				left--
				return nil
			}
			return emit(v)
		}
	})
}

// SkipWhile returns a flow that drops elements as long as drop is true. It emits the first element
// for which drop is false, and all that follow.
func SkipWhile[T any](drop func(T) bool) Flow[T, T] {
	if drop == nil {
		return invalid[T, T]("SkipWhile: the function is nil")
	}
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		passing := false
		return func(v T) error {
			if !passing && drop(v) {
				return nil
			}
			passing = true
			return emit(v)
		}
	})
}
