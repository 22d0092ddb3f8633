package mongotest

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// typeNames are the names of types in a $type.
var typeNames = map[string][]bson.Type{
	"double": {bson.TypeDouble}, "string": {bson.TypeString}, "object": {bson.TypeEmbeddedDocument},
	"array": {bson.TypeArray}, "binData": {bson.TypeBinary}, "undefined": {bson.TypeUndefined},
	"objectId": {bson.TypeObjectID}, "bool": {bson.TypeBoolean}, "date": {bson.TypeDateTime},
	"null": {bson.TypeNull}, "regex": {bson.TypeRegex}, "dbPointer": {bson.TypeDBPointer},
	"javascript": {bson.TypeJavaScript}, "symbol": {bson.TypeSymbol},
	"javascriptWithScope": {bson.TypeCodeWithScope}, "int": {bson.TypeInt32},
	"timestamp": {bson.TypeTimestamp}, "long": {bson.TypeInt64}, "decimal": {bson.TypeDecimal128},
	"minKey": {bson.TypeMinKey}, "maxKey": {bson.TypeMaxKey},
	"number": {bson.TypeDouble, bson.TypeInt32, bson.TypeInt64, bson.TypeDecimal128},
}

// parseType returns the condition {$type: …} of one type or several, by name or number.
func parseType(path []string, v bson.RawValue) (predicate, error) {
	wanted := []bson.RawValue{v}
	if list, isArray := v.ArrayOK(); isArray {
		var err error
		if wanted, err = list.Values(); err != nil {
			return nil, err
		}
	}
	var types []bson.Type
	for _, w := range wanted {
		name, isName := w.StringValueOK()
		number, isNumber := w.AsInt64OK()
		switch {
		case isName && typeNames[name] != nil:
			types = append(types, typeNames[name]...)
		case isNumber && number == -1:
			types = append(types, bson.TypeMinKey)
		case isNumber && number > 0 && number < 128:
			types = append(types, bson.Type(number))
		default:
			return nil, fmt.Errorf("unknown type name alias: %s", w)
		}
	}
	return func(d bson.Raw) bool {
		return slices.ContainsFunc(valuesAt(d, path), func(v bson.RawValue) bool {
			return slices.Contains(types, v.Type)
		})
	}, nil
}
