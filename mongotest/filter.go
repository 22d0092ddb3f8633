package mongotest

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// predicate reports whether a document matches.
type predicate func(bson.Raw) bool

// unsupported is the error of a query that this server does not know.
func unsupported(what string, v fmt.Stringer) error {
	return fmt.Errorf("mongotest: %s is not supported: %s", what, v)
}

// match returns the documents that match filter.
func match(docs []bson.Raw, filter bson.Raw) ([]bson.Raw, error) {
	if len(filter) <= emptyDocument {
		return docs, nil
	}
	matches, err := parseFilter(filter)
	if err != nil {
		return nil, err
	}
	var found []bson.Raw
	for _, d := range docs {
		if matches(d) {
			found = append(found, d)
		}
	}
	return found, nil
}

const emptyDocument = 5 // bytes

// parseFilter returns the condition of a filter: that of all its fields.
func parseFilter(filter bson.Raw) (predicate, error) {
	elements, err := filter.Elements()
	if err != nil {
		return nil, err
	}
	var all []predicate
	for _, e := range elements {
		p, err := parseCondition(e.Key(), e.Value())
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return every(all), nil
}

func parseCondition(key string, v bson.RawValue) (predicate, error) {
	switch key {
	case "$and", "$or", "$nor":
		parts, err := parseFilters(key, v)
		if err != nil {
			return nil, err
		}
		switch key {
		case "$or":
			return some(parts), nil
		case "$nor":
			return negated(some(parts)), nil
		}
		return every(parts), nil
	case "$expr":
		e, err := parseExpression(v)
		if err != nil {
			return nil, err
		}
		return func(d bson.Raw) bool { return truthy(e(d)) }, nil
	case "$comment":
		return every(nil), nil
	case "$jsonSchema":
		rule, err := parseSchema(v)
		return func(d bson.Raw) bool {
			return rule(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: d})
		}, err
	}
	if strings.HasPrefix(key, "$") {
		return nil, unsupported("the operator "+key, v)
	}
	return parseField(strings.Split(key, "."), v)
}

// parseFilters reads the array of filters of a logical operator.
func parseFilters(operator string, v bson.RawValue) (parts []predicate, err error) {
	list, isArray := v.ArrayOK()
	values, err := list.Values()
	if !isArray || err != nil || len(values) == 0 {
		return nil, fmt.Errorf("%s must be a nonempty array", operator)
	}
	for _, v := range values {
		filter, isDocument := v.DocumentOK()
		if !isDocument {
			return nil, fmt.Errorf("%s entries need to be full objects", operator)
		}
		p, err := parseFilter(filter)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// parseField returns the condition that v, a value or a document of operators, sets for a field.
func parseField(path []string, v bson.RawValue) (predicate, error) {
	switch {
	case v.Type == bson.TypeRegex:
		return regexCondition(path, v, bson.RawValue{})
	case !hasOperators(v):
		return parseOperator(path, "$eq", v)
	}
	operators := v.Document()
	elements, err := operators.Elements()
	if err != nil {
		return nil, err
	}
	var all []predicate
	for _, e := range elements {
		p, err := parseOperatorOf(operators, path, e.Key(), e.Value())
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return every(all), nil
}

// hasOperators reports whether v is a document whose first key begins with $.
func hasOperators(v bson.RawValue) bool {
	d, isDocument := v.DocumentOK()
	if !isDocument || len(d) <= emptyDocument {
		return false
	}
	first, err := d.IndexErr(0)
	return err == nil && strings.HasPrefix(first.Key(), "$")
}

// parseOperatorOf returns the condition of one of the operators of a field.
func parseOperatorOf(operators bson.Raw, path []string, operator string, v bson.RawValue) (predicate, error) {
	switch operator {
	case "$regex":
		return regexCondition(path, v, operators.Lookup("$options"))
	case "$options":
		if operators.Lookup("$regex").IsZero() {
			return nil, fmt.Errorf("$options needs a $regex")
		}
		return every(nil), nil
	}
	return parseOperator(path, operator, v)
}

func parseOperator(path []string, operator string, v bson.RawValue) (predicate, error) {
	switch operator {
	case "$eq", "$gt", "$gte", "$lt", "$lte", "$ne":
		if v.Type == bson.TypeRegex && operator != "$eq" {
			//lint:ignore ST1005 these are the words of a real server
			return nil, fmt.Errorf("Can't have regex as arg to %s.", operator)
		}
		if operator == "$ne" {
			return negated(comparison(path, "$eq", v)), nil
		}
		return comparison(path, operator, v), nil
	case "$in", "$nin":
		list, isArray := v.ArrayOK()
		values, err := list.Values()
		if !isArray || err != nil {
			return nil, fmt.Errorf("%s needs an array", operator)
		}
		var parts []predicate
		for _, v := range values {
			if hasOperators(v) {
				return nil, fmt.Errorf("cannot nest $ under %s", operator)
			}
			p, err := parseField(path, v)
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
		if operator == "$nin" {
			return negated(some(parts)), nil
		}
		return some(parts), nil
	case "$not":
		p, err := parseField(path, v)
		switch {
		case err != nil:
			return nil, err
		case !hasOperators(v) && v.Type != bson.TypeRegex:
			return nil, fmt.Errorf("$not needs a regex or a document")
		}
		return negated(p), nil
	case "$exists":
		wanted := truthy(v)
		return func(d bson.Raw) bool { return (len(valuesAt(d, path)) > 0) == wanted }, nil
	case "$type":
		return parseType(path, v)
	}
	return nil, unsupported("the operator "+operator, v)
}

// comparison compares as servers do in a filter: a value matches only operands of its own bracket of
// types, and an array matches if one of its elements does.
func comparison(path []string, operator string, operand bson.RawValue) predicate {
	null := bsonorder.Bracket(operand.Type) == bsonorder.Bracket(bson.TypeNull)
	return func(d bson.Raw) bool {
		values := valuesAt(d, path)
		if len(values) == 0 {
			return null && operator != "$gt" && operator != "$lt"
		}
		return slices.ContainsFunc(values, func(v bson.RawValue) bool { return compares(v, operator, operand) })
	}
}

func compares(v bson.RawValue, operator string, operand bson.RawValue) bool {
	switch {
	case bsonorder.Bracket(v.Type) != bsonorder.Bracket(operand.Type):
		return false
	case bsonorder.IsNaN(v) || bsonorder.IsNaN(operand): // equal to itself, and neither less nor greater than a number
		return bsonorder.IsNaN(v) && bsonorder.IsNaN(operand) && operator != "$gt" && operator != "$lt"
	}
	return holds(operator, bsonorder.Compare(v, operand))
}

// holds reports whether an operator is true of two values that compare as c.
func holds(operator string, c int) bool {
	switch operator {
	case "$eq":
		return c == 0
	case "$ne":
		return c != 0
	case "$gt":
		return c > 0
	case "$gte":
		return c >= 0
	case "$lt":
		return c < 0
	}
	return c <= 0 // $lte
}

func every(parts []predicate) predicate {
	if len(parts) == 1 {
		return parts[0]
	}
	return func(d bson.Raw) bool {
		return !slices.ContainsFunc(parts, func(p predicate) bool { return !p(d) })
	}
}

func some(parts []predicate) predicate {
	return func(d bson.Raw) bool {
		return slices.ContainsFunc(parts, func(p predicate) bool { return p(d) })
	}
}

func negated(p predicate) predicate { return func(d bson.Raw) bool { return !p(d) } }
