package ending

import (
	"errors"
	"reflect"
)

// Is is errors.Is for a target that any program made. errors.Is panics if the target is a struct with
// a field that holds an uncomparable error, as the driver of MongoDB returns them. Is returns false.
func Is(err, target error) bool {
	return (target == nil || canCompare(target)) && errors.Is(err, target)
}

// Same reports whether a and b are the same error. It returns false if they cannot be compared.
func Same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && canCompare(a) && canCompare(b) && a == b
}

func canCompare(err error) bool { return reflect.ValueOf(err).Comparable() }
