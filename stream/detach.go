package stream

import "reflect"

// detacher returns a function that copies a value and its slices, including slices in exported
// fields of structs. The copy and the original can then change independently. The targets of
// pointers and the contents of maps are shared.
func detacher[T any]() func(T) T {
	t := reflect.TypeFor[T]()
	if !hasSlices(t) {
		return func(v T) T { return v }
	}
	if t == reflect.TypeFor[[]byte]() {
		return func(v T) T {
			p, _ := any(v).([]byte)
			return any(append(p[:0:0], p...)).(T) // nil stays nil
		}
	}
	return func(v T) T {
		detach(reflect.ValueOf(&v).Elem())
		return v
	}
}

// hasSlices reports whether values of type t have slices that detach copies.
func hasSlices(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice:
		return true
	case reflect.Array:
		return hasSlices(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && hasSlices(f.Type) {
				return true
			}
		}
	}
	return false
}

// detach replaces the slices in v with copies.
func detach(v reflect.Value) {
	if !hasSlices(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(copied, v)
		v.Set(copied)
		fallthrough
	case reflect.Array:
		if hasSlices(v.Type().Elem()) {
			for i := range v.Len() {
				detach(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				detach(v.Field(i))
			}
		}
	}
}
