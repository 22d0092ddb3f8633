package mongotest

import (
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// valuesAt returns the values of d at a path, as filters and sorts see them: an array stands for
// itself and for its elements. It returns nothing if the field is missing.
func valuesAt(d bson.Raw, path []string) (values []bson.RawValue) {
	v, err := d.LookupErr(path[0])
	switch {
	case err != nil:
		return nil
	case len(path) > 1:
		return valuesBelow(v, path[1:])
	case v.Type != bson.TypeArray:
		return []bson.RawValue{v}
	}
	elements, _ := v.Array().Values()
	return append(elements, v)
}

// valuesBelow returns the values at a path that begins below v: in a document, in an element of an
// array by its index, and in the documents of an array.
func valuesBelow(v bson.RawValue, path []string) (values []bson.RawValue) {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return valuesAt(v.Document(), path)
	case bson.TypeArray:
		if _, err := strconv.ParseUint(path[0], 10, 31); err == nil {
			values = valuesAt(bson.Raw(v.Value), path)
		}
		elements, _ := v.Array().Values()
		for _, e := range elements {
			if d, ok := e.DocumentOK(); ok {
				values = append(values, valuesAt(d, path)...)
			}
		}
	}
	return values
}

// only returns the one field of the document v.
func only(v bson.RawValue) (key string, value bson.RawValue, ok bool) {
	d, ok := v.DocumentOK()
	if !ok {
		return "", value, false
	}
	elements, err := d.Elements()
	if err != nil || len(elements) == 0 {
		return "", value, false
	}
	return elements[0].Key(), elements[0].Value(), len(elements) == 1
}

// truthy reports whether a server takes v for true: all but false, zero, null and a missing value.
func truthy(v bson.RawValue) bool {
	switch v.Type {
	case 0, bson.TypeNull, bson.TypeUndefined:
		return false
	case bson.TypeBoolean:
		return v.Boolean()
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		zero := bson.RawValue{Type: bson.TypeInt32, Value: make([]byte, 4)}
		return bsonorder.IsNaN(v) || bsonorder.CompareNumbers(v, zero) != 0
	}
	return true
}
