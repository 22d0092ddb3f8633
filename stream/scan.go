package stream

import "context"

// Scan returns a flow that emits the result of a fold after each element. It starts with zero and
// replaces the result r by f(r, v) for each element v.
//
//   - Memory: the result.
func Scan[T, R any](zero R, f func(R, T) R) Flow[T, R] {
	if f == nil {
		return invalid[T, R]("Scan: the function is nil")
	}
	return fuse(func(_ context.Context, emit func(R) error) func(T) error {
		r := zero
		return func(v T) error {
			r = f(r, v)
			return emit(r)
		}
	})
}

// Enumerate returns a flow that emits each element with its index, from 0.
func Enumerate[T any]() Flow[T, Pair[int64, T]] {
	return fuse(func(_ context.Context, emit func(Pair[int64, T]) error) func(T) error {
		var i int64
		return func(v T) error {
			p := Pair[int64, T]{i, v}
			i++
			return emit(p)
		}
	})
}

// Pair is two values in one element.
type Pair[A, B any] struct {
	First  A
	Second B
}
