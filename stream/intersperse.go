package stream

import (
	"context"
	"reflect"
)

// Intersperse returns a flow that emits separator between any two elements. To emit something
// before the first or after the last, see [Concat]. If separator is a byte slice, each emit gets a
// copy; any other separator is shared. Fused; it holds no element.
func Intersperse[T any](separator T) Flow[T, T] {
	another := copies(separator)
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		first := true
		return func(v T) error {
			if !first {
				if err := emit(another()); err != nil {
					return err
				}
			}
			first = false
			return emit(v)
		}
	})
}

// copies returns a function that makes v for one receiver after another: copies of a byte slice,
// any other value unchanged.
func copies[T any](v T) func() T {
	if t := reflect.TypeFor[T](); !byteSlices(t) || reflect.ValueOf(v).IsNil() {
		return func() T { return v }
	}
	clone := cloner[T]()
	return func() T { return clone(v) }
}
