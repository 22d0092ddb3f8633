package mongotest

import (
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// expression computes a value from a document: the zero value if it is missing.
type expression func(bson.Raw) bson.RawValue

// parseExpression returns an expression of an aggregation: a path of a field, $literal, a
// comparison, $and, $or, $not, or a constant. Comparisons cross the types.
func parseExpression(v bson.RawValue) (expression, error) {
	if text, ok := v.StringValueOK(); ok && strings.HasPrefix(text, "$") {
		return fieldPath(text)
	}
	if v.Type == bson.TypeArray {
		return nil, unsupported("an array in an expression", v)
	}
	if v.Type != bson.TypeEmbeddedDocument {
		return constant(v), nil
	}
	operator, operand, ok := only(v)
	if !ok || !strings.HasPrefix(operator, "$") {
		return nil, unsupported("a document in an expression", v)
	}
	switch operator {
	case "$literal":
		return constant(operand), nil
	case "$eq", "$ne", "$gt", "$gte", "$lt", "$lte":
		sides, err := parseOperands(operand)
		if err != nil {
			return nil, err
		}
		if len(sides) != 2 {
			return nil, fmt.Errorf("%s takes exactly 2 arguments, %d were passed in", operator, len(sides))
		}
		return func(d bson.Raw) bson.RawValue {
			return boolean(holds(operator, bsonorder.Compare(sides[0](d), sides[1](d))))
		}, nil
	case "$and", "$or":
		parts, err := parseOperands(operand)
		if err != nil {
			return nil, err
		}
		return func(d bson.Raw) bson.RawValue { return boolean(combine(operator, parts, d)) }, nil
	case "$not":
		parts, err := parseOperands(operand)
		if err != nil || len(parts) != 1 {
			return nil, unsupported("$not", operand)
		}
		return func(d bson.Raw) bson.RawValue { return boolean(!truthy(parts[0](d))) }, nil
	}
	return nil, unsupported("the expression "+operator, v)
}

// combine returns the conjunction or the disjunction of parts.
func combine(operator string, parts []expression, d bson.Raw) bool {
	and := operator == "$and"
	for _, p := range parts {
		if truthy(p(d)) != and {
			return !and
		}
	}
	return and
}

// parseOperands reads an array of expressions, or one expression.
func parseOperands(v bson.RawValue) (all []expression, err error) {
	values := []bson.RawValue{v}
	if list, isArray := v.ArrayOK(); isArray {
		if values, err = list.Values(); err != nil {
			return nil, err
		}
	}
	for _, v := range values {
		e, err := parseExpression(v)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// fieldPath returns the expression "$a.b": the value of a field, in documents only.
func fieldPath(text string) (expression, error) {
	if strings.HasPrefix(text, "$$") {
		return nil, fmt.Errorf("mongotest: the variable %s is not supported", text)
	}
	path := strings.Split(text[1:], ".")
	return func(d bson.Raw) bson.RawValue {
		v, err := d.LookupErr(path...)
		if err != nil {
			return bson.RawValue{}
		}
		return v
	}, nil
}

func constant(v bson.RawValue) expression { return func(bson.Raw) bson.RawValue { return v } }

func boolean(b bool) bson.RawValue {
	v := bson.RawValue{Type: bson.TypeBoolean, Value: []byte{0}}
	if b {
		v.Value[0] = 1
	}
	return v
}
