package stream

import (
	"context"
	"reflect"
)

// Intersperse returns a flow that emits separator between each two elements. For something before and after, see [Concat].
// A separator that is a byte slice is copied for each emit; what others point to is shared. Fused; it holds no element.
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

// copies returns what makes v over and over, for receivers of their own: copies of a byte slice, anything else as it is.
func copies[T any](v T) func() T {
	if t := reflect.TypeFor[T](); !byteSlices(t) || reflect.ValueOf(v).IsNil() {
		return func() T { return v }
	}
	own := cloner[T]()
	return func() T { return own(v) }
}
