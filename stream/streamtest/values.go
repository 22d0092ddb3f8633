package streamtest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
)

// defaultInput returns a function that makes elements of a simple type, or nil for other types.
func defaultInput[T any]() func(i int) T {
	typ := reflect.TypeFor[T]()
	var set func(i int, v reflect.Value)
	switch k := typ.Kind(); {
	case isChunk[T]():
		set = func(i int, v reflect.Value) {
			v.SetBytes(fmt.Appendf(nil, "{\"n\":%d,\"text\":\"line %d of the input\"}\n", i, i))
		}
	case k == reflect.String:
		set = func(i int, v reflect.Value) { v.SetString(fmt.Sprint("element ", i)) }
	case k >= reflect.Int && k <= reflect.Int64:
		set = func(i int, v reflect.Value) { v.SetInt(int64(i % 100)) }
	case k >= reflect.Uint && k <= reflect.Uintptr:
		set = func(i int, v reflect.Value) { v.SetUint(uint64(i % 100)) }
	case k == reflect.Float32 || k == reflect.Float64:
		set = func(i int, v reflect.Value) { v.SetFloat(float64(i)) }
	default:
		return nil
	}
	return func(i int) (v T) {
		set(i, reflect.ValueOf(&v).Elem())
		return v
	}
}

// inputs returns the function that makes the elements of n records from the caller's settings.
func inputs[T any](t *testing.T, kind string, in func(i int) T, input func(n int) []T) func(n int) []T {
	t.Helper()
	if input != nil {
		return input
	}
	if in == nil {
		in = defaultInput[T]()
	}
	if in == nil {
		t.Fatalf("streamtest: the %s's elements are %v: set In or Input to say how to make them",
			kind, reflect.TypeFor[T]())
	}
	return func(n int) []T {
		var all []T
		for i := range n {
			all = append(all, in(i))
		}
		return all
	}
}

// large returns the number of records in a chunk that exceeds usual buffers, or 0 if the suite does
// not make the input.
func large[T any](ours bool) int {
	if ours && isChunk[T]() {
		return 6000
	}
	return 0
}

// recut splits the bytes of chunks into chunks of size bytes. Each is a separate slice.
func recut[T any](chunks []T, size int) []T {
	joined := join(chunks)
	var out []T
	for len(joined) > 0 {
		n := min(size, len(joined))
		out = append(out, any(bytes.Clone(joined[:n])).(T))
		joined = joined[n:]
	}
	return out
}

func join[T any](chunks []T) []byte {
	var all []byte
	for _, c := range chunks {
		all = append(all, any(c).([]byte)...)
	}
	return all
}

// owned reports whether values of type t contain slices, so that the ownership rule applies.
func owned(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice:
		return true
	case reflect.Array:
		return owned(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && owned(f.Type) {
				return true
			}
		}
	}
	return false
}

// clone returns a copy of v that shares no slice with it, down to the exported fields of structs.
func clone[T any](v T) T {
	if owned(reflect.TypeFor[T]()) {
		cloneValue(reflect.ValueOf(&v).Elem())
	}
	return v
}

func cloneAll[T any](all []T) []T {
	out := make([]T, len(all))
	for i, v := range all {
		out[i] = clone(v)
	}
	return out
}

func cloneValue(v reflect.Value) {
	if !owned(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		fallthrough
	case reflect.Array:
		if owned(v.Type().Elem()) {
			for i := range v.Len() {
				cloneValue(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				cloneValue(v.Field(i))
			}
		}
	}
}

// poison overwrites every slice in v up to its capacity, because the receiver may append.
func poison[T any](v T) {
	if owned(reflect.TypeFor[T]()) {
		poisonValue(reflect.ValueOf(&v).Elem())
	}
}

func poisonValue(v reflect.Value) {
	if !owned(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		v = v.Slice(0, v.Cap())
		if v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				v.Index(i).SetUint(0xDB)
			}
			return
		}
		for i := range v.Len() {
			poisonValue(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Array:
		for i := range v.Len() {
			poisonValue(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				poisonValue(v.Field(i))
			}
		}
	}
}
