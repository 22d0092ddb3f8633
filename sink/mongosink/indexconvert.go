package mongosink

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/printable"
)

// ConvertIndex returns a description of an index, as listIndexes gives it, in the form in which
// present servers create it. isID reports that it is the index on _id that a collection has anyway.
// [CreateIndexes] calls ConvertIndex.
//
//   - Of the key, the order and the values are kept. A value that servers since MongoDB 3.4 refuse
//     (0, NaN, "", and anything except for a number and a string) becomes 1, its meaning before.
//   - The options v (the version of the index), ns, dropDups and safe are dropped.
//   - The options unique, sparse, background and hidden become booleans.
//   - An expireAfterSeconds that is NaN becomes 2147483647: servers differ on what it means, and
//     some would delete every document.
//   - All other options are kept unchanged, including those of text, 2dsphere, wildcard and partial
//     indexes.
func ConvertIndex(description bson.Raw) (index bson.D, isID bool, err error) {
	if err := description.Validate(); err != nil {
		return nil, false, fmt.Errorf("%w of an index: %w", ErrBadDescription, err)
	}
	elements, err := description.Elements()
	if err != nil {
		return nil, false, fmt.Errorf("%w of an index: %w", ErrBadDescription, err)
	}
	key, hasKey := description.Lookup("key").DocumentOK()
	name, _ := description.Lookup("name").StringValueOK()
	converted, err := convertKey(key)
	if !hasKey || err != nil || len(converted) == 0 {
		return nil, false, fmt.Errorf("%w of the index %s: it has no key", ErrBadDescription, printable.Text(name))
	}
	if isIDIndex(converted, name) || isTrue(description.Lookup("clustered")) {
		return nil, true, nil
	}
	if name == "" {
		name = defaultName(converted)
	}
	index = bson.D{{Key: "key", Value: converted}, {Key: "name", Value: name}}
	for _, e := range elements {
		if value, keep := convertOption(e.Key(), e.Value()); keep {
			index = append(index, bson.E{Key: e.Key(), Value: value})
		}
	}
	return index, false, nil
}

// convertKey returns the key with the values that servers accept.
func convertKey(key bson.Raw) (converted bson.D, err error) {
	elements, err := key.Elements()
	if err != nil {
		return nil, err
	}
	for _, e := range elements {
		var value any = e.Value()
		if !isDirection(e.Value()) {
			value = int32(1)
		}
		converted = append(converted, bson.E{Key: e.Key(), Value: value})
	}
	return converted, nil
}

// isDirection reports whether a server accepts v as the value of a field in a key.
func isDirection(v bson.RawValue) bool {
	if kind, isText := v.StringValueOK(); isText {
		return kind != ""
	}
	if d, ok := v.Decimal128OK(); ok {
		n, err := strconv.ParseFloat(d.String(), 64)
		return err != nil || n != 0 && !math.IsNaN(n) // too large for a double is an error
	}
	n, isNumber := numberOf(v)
	return isNumber && n != 0 && !math.IsNaN(n)
}

// isIDIndex reports whether an index is the one on _id that every collection has. A hashed index on
// _id, or a descending one, is another.
func isIDIndex(key bson.D, name string) bool {
	if len(key) != 1 || key[0].Key != "_id" {
		return false
	}
	v, isRaw := key[0].Value.(bson.RawValue)
	n, isNumber := numberOf(v)
	return name == "_id_" || !isRaw || isNumber && n > 0
}

// defaultName returns the name that drivers give to an index without one: a_1_b_-1.
func defaultName(key bson.D) string {
	parts := make([]string, 0, len(key))
	for _, e := range key {
		value := fmt.Sprint(e.Value)
		if v, ok := e.Value.(bson.RawValue); ok {
			value = strings.Trim(v.String(), `"`)
			if n, isNumber := numberOf(v); isNumber {
				value = fmt.Sprint(n)
			}
		}
		parts = append(parts, e.Key+"_"+value)
	}
	return strings.Join(parts, "_")
}

// convertOption returns the value of an option of an index in its present form, and reports whether
// the option is kept.
func convertOption(name string, v bson.RawValue) (value any, keep bool) {
	switch name {
	case "key", "name", "v", "ns", "dropDups", "safe":
		return nil, false
	case "unique", "sparse", "background", "hidden":
		return isTrue(v), true
	case "expireAfterSeconds":
		if n, ok := numberOf(v); ok && math.IsNaN(n) {
			return int32(math.MaxInt32), true
		}
	}
	return v, true
}

// isTrue reports whether v is true, or a number other than 0, which old servers took for true.
func isTrue(v bson.RawValue) bool {
	if yes, isBool := v.BooleanOK(); isBool {
		return yes
	}
	n, isNumber := numberOf(v)
	return isNumber && n != 0
}

// keyOf returns the key of a converted index.
func keyOf(index bson.D) any { return index[0].Value }

// nameOf returns the name of a converted index.
func nameOf(index bson.D) string {
	name, _ := index[1].Value.(string) // always one
	return name
}
