package mongotest

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// schema reports whether a value keeps to a JSON schema.
type schema func(bson.RawValue) bool

// jsonTypes are the names of types in the keyword "type". The names in "bsonType" are those of $type.
var jsonTypes = map[string][]bson.Type{
	"object": {bson.TypeEmbeddedDocument}, "array": {bson.TypeArray}, "string": {bson.TypeString},
	"boolean": {bson.TypeBoolean}, "null": {bson.TypeNull}, "number": typeNames["number"],
}

// parseSchema reads a schema, as $jsonSchema has it.
func parseSchema(v bson.RawValue) (schema, error) {
	d, isDocument := v.DocumentOK()
	elements, err := d.Elements()
	if !isDocument || err != nil {
		return nil, fmt.Errorf("$jsonSchema must be an object")
	}
	var rules []schema
	for _, e := range elements {
		rule, err := parseKeyword(d, e.Key(), e.Value())
		if err != nil {
			return nil, err
		}
		if rule != nil {
			rules = append(rules, rule)
		}
	}
	return all(rules), nil
}

func all(rules []schema) schema {
	return func(v bson.RawValue) bool {
		return !slices.ContainsFunc(rules, func(rule schema) bool { return !rule(v) })
	}
}

// parseKeyword returns the rule of one keyword of a schema, or nil if it has none.
func parseKeyword(in bson.Raw, key string, v bson.RawValue) (schema, error) {
	switch key {
	case "title", "description":
		return nil, nil
	case "exclusiveMinimum":
		return nil, checkExclusive(in, key, v, "minimum")
	case "exclusiveMaximum":
		return nil, checkExclusive(in, key, v, "maximum")
	case "bsonType":
		return typeRule(typeNames, v)
	case "type":
		return typeRule(jsonTypes, v)
	case "required":
		return requiredRule(v)
	case "properties":
		return propertiesRule(in, v)
	case "additionalProperties":
		if in.Lookup("properties").IsZero() {
			return propertiesRule(in, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: document(bson.D{})})
		}
		return nil, nil // with properties
	case "enum":
		return enumRule(v)
	case "minimum", "maximum":
		return limitRule(in, key, v)
	case "minLength", "maxLength", "minItems", "maxItems":
		return lengthRule(key, v)
	case "items":
		return itemsRule(v)
	case "allOf", "anyOf", "oneOf":
		return combinedRule(key, v)
	case "not":
		rule, err := parseSchema(v)
		return func(v bson.RawValue) bool { return !rule(v) }, err
	}
	return nil, unsupported("in $jsonSchema, "+key, v)
}

// typeRule accepts the values of one type of names, or of several.
func typeRule(names map[string][]bson.Type, v bson.RawValue) (schema, error) {
	wanted, err := textsOf(v)
	if err != nil {
		return nil, err
	}
	var types []bson.Type
	for _, name := range wanted {
		if names[name] == nil {
			//lint:ignore ST1005 these are the words of a real server
			return nil, fmt.Errorf("Unknown type name alias: %s", name)
		}
		types = append(types, names[name]...)
	}
	return func(v bson.RawValue) bool { return slices.Contains(types, v.Type) }, nil
}

// textsOf returns a string, or the strings of an array.
func textsOf(v bson.RawValue) (texts []string, err error) {
	values := []bson.RawValue{v}
	if list, isArray := v.ArrayOK(); isArray {
		if values, err = list.Values(); err != nil {
			return nil, err
		}
	}
	for _, v := range values {
		text, isText := v.StringValueOK()
		if !isText {
			return nil, fmt.Errorf("$jsonSchema: %s is not a string", v)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// requiredRule accepts documents that have all fields, and values that are not documents.
func requiredRule(v bson.RawValue) (schema, error) {
	names, err := textsOf(v)
	if err != nil || v.Type != bson.TypeArray || len(names) == 0 {
		return nil, fmt.Errorf("$jsonSchema keyword 'required' must be a nonempty array of strings")
	}
	return func(v bson.RawValue) bool {
		d, isDocument := v.DocumentOK()
		return !isDocument || !slices.ContainsFunc(names, func(name string) bool {
			_, err := d.LookupErr(name)
			return err != nil
		})
	}, nil
}

// propertiesRule accepts documents whose fields keep to their schemas, and whose other fields keep to
// additionalProperties.
func propertiesRule(in bson.Raw, v bson.RawValue) (schema, error) {
	d, isDocument := v.DocumentOK()
	elements, err := d.Elements()
	if !isDocument || err != nil {
		return nil, fmt.Errorf("$jsonSchema keyword 'properties' must be an object")
	}
	rules := map[string]schema{}
	for _, e := range elements {
		if rules[e.Key()], err = parseSchema(e.Value()); err != nil {
			return nil, err
		}
	}
	other := all(nil)
	switch more := in.Lookup("additionalProperties"); more.Type {
	case 0:
	case bson.TypeBoolean:
		other = func(bson.RawValue) bool { return more.Boolean() }
	default:
		if other, err = parseSchema(more); err != nil {
			return nil, err
		}
	}
	return func(v bson.RawValue) bool {
		d, isDocument := v.DocumentOK()
		elements, _ := d.Elements()
		return !isDocument || !slices.ContainsFunc(elements, func(e bson.RawElement) bool {
			rule, named := rules[e.Key()]
			if !named {
				rule = other
			}
			return !rule(e.Value())
		})
	}, nil
}

func enumRule(v bson.RawValue) (schema, error) {
	list, isArray := v.ArrayOK()
	values, err := list.Values()
	if !isArray || err != nil || len(values) == 0 {
		return nil, fmt.Errorf("$jsonSchema keyword 'enum' must be a nonempty array")
	}
	return func(v bson.RawValue) bool {
		return slices.ContainsFunc(values, func(w bson.RawValue) bool { return bsonorder.Compare(v, w) == 0 })
	}, nil
}

// limitRule accepts numbers up to a limit or from one on, and values that are not numbers.
func limitRule(in bson.Raw, key string, limit bson.RawValue) (schema, error) {
	exclusive, operator, strict := "exclusiveMinimum", "$gte", "$gt"
	if key == "maximum" {
		exclusive, operator, strict = "exclusiveMaximum", "$lte", "$lt"
	}
	if truthy(in.Lookup(exclusive)) {
		operator = strict
	}
	number := bsonorder.Bracket(bson.TypeDouble)
	if bsonorder.Bracket(limit.Type) != number {
		return nil, fmt.Errorf("$jsonSchema keyword '%s' must be a number", key)
	}
	return func(v bson.RawValue) bool {
		return bsonorder.Bracket(v.Type) != number || compares(v, operator, limit)
	}, nil
}

// checkExclusive returns why the keyword exclusiveMinimum or exclusiveMaximum is wrong, or nil. It
// changes the meaning of the limit.
func checkExclusive(in bson.Raw, key string, v bson.RawValue, limit string) error {
	switch {
	case v.Type != bson.TypeBoolean:
		return fmt.Errorf("$jsonSchema keyword '%s' must be a boolean", key)
	case in.Lookup(limit).IsZero():
		return fmt.Errorf("$jsonSchema keyword '%s' must be a present if %s is present", limit, key)
	}
	return nil
}

// lengthRule limits the code points of strings, or the elements of arrays.
func lengthRule(key string, v bson.RawValue) (schema, error) {
	n, isNumber := v.AsInt64OK()
	if !isNumber || n < 0 {
		return nil, fmt.Errorf("$jsonSchema keyword '%s' must be a non-negative integer", key)
	}
	kind, least := bson.TypeString, key[:3] == "min"
	if key[3:] == "Items" {
		kind = bson.TypeArray
	}
	return func(v bson.RawValue) bool {
		if v.Type != kind {
			return true
		}
		have := 0
		if kind == bson.TypeString {
			have = utf8.RuneCount(bsonorder.Text(v))
		} else {
			elements, _ := v.Array().Values()
			have = len(elements)
		}
		return least && int64(have) >= n || !least && int64(have) <= n
	}, nil
}

// itemsRule applies a schema to all elements of arrays.
func itemsRule(v bson.RawValue) (schema, error) {
	if v.Type == bson.TypeArray {
		return nil, unsupported("in $jsonSchema, an array of items", v)
	}
	rule, err := parseSchema(v)
	return func(v bson.RawValue) bool {
		list, _ := v.ArrayOK()
		elements, _ := list.Values()
		return !slices.ContainsFunc(elements, func(e bson.RawValue) bool { return !rule(e) })
	}, err
}

// combinedRule is that of allOf, anyOf or oneOf.
func combinedRule(key string, v bson.RawValue) (schema, error) {
	list, isArray := v.ArrayOK()
	values, err := list.Values()
	if !isArray || err != nil || len(values) == 0 {
		return nil, fmt.Errorf("$jsonSchema keyword '%s' must be a nonempty array", key)
	}
	var rules []schema
	for _, v := range values {
		rule, err := parseSchema(v)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return func(v bson.RawValue) bool {
		n := 0
		for _, rule := range rules {
			if rule(v) {
				n++
			}
		}
		return key == "allOf" && n == len(rules) || key == "anyOf" && n > 0 || key == "oneOf" && n == 1
	}, nil
}
