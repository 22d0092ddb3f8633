package mongotest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// match returns the documents that match filter.
func match(docs []bson.Raw, filter bson.Raw) ([]bson.Raw, error) {
	if len(filter) <= 5 {
		return docs, nil
	}
	want, err := filter.Elements()
	if err != nil {
		return nil, err
	}
	var tests []func(bson.Raw) bool
	for _, e := range want {
		t := test(e)
		if t == nil {
			return nil, fmt.Errorf("mongotest: a filter can only compare fields of the top level, not %s", filter)
		}
		tests = append(tests, t)
	}
	var found []bson.Raw
	for _, d := range docs {
		if !slices.ContainsFunc(tests, func(t func(bson.Raw) bool) bool { return !t(d) }) {
			found = append(found, d)
		}
	}
	return found, nil
}

// test returns the condition that e, an element of a filter, sets for a document, or nil if this
// server does not support it.
func test(e bson.RawElement) func(bson.Raw) bool {
	key, v := e.Key(), e.Value()
	switch key {
	case "$expr":
		return greaterThan(v)
	case "$and":
		return all(v)
	}
	if key == "" || key[0] == '$' || strings.Contains(key, ".") || v.Type == bson.TypeRegex {
		return nil
	}
	operator, operand, ok := only(v)
	switch {
	case ok && operator == "$gt": // of the same bracket of types only, as servers compare here
		return func(d bson.Raw) bool {
			have, err := d.LookupErr(key)
			return err == nil && bracket(have.Type) == bracket(operand.Type) && !isNaN(operand) &&
				compareValues(have, operand) > 0
		}
	case ok && operator == "$in":
		return in(key, operand)
	case strings.HasPrefix(operator, "$"):
		return nil
	}
	return func(d bson.Raw) bool {
		have, err := d.LookupErr(key)
		return err == nil && have.Equal(v)
	}
}

// in returns the condition that a field equals one of a list of values, or nil if this server does not
// support it.
func in(key string, list bson.RawValue) func(bson.Raw) bool {
	array, isArray := list.ArrayOK()
	values, err := array.Values()
	if !isArray || err != nil || slices.ContainsFunc(values, func(v bson.RawValue) bool {
		return v.Type == bson.TypeRegex
	}) {
		return nil
	}
	return func(d bson.Raw) bool {
		have, err := d.LookupErr(key)
		return err == nil && slices.ContainsFunc(values, have.Equal)
	}
}

// all returns the condition that all filters of an array match, or nil if this server does not
// support it.
func all(filters bson.RawValue) func(bson.Raw) bool {
	list, isArray := filters.ArrayOK()
	if !isArray {
		return nil
	}
	values, err := list.Values()
	if err != nil || len(values) == 0 {
		return nil
	}
	var tests []func(bson.Raw) bool
	for _, v := range values {
		filter, isDocument := v.DocumentOK()
		elements, err := filter.Elements()
		if !isDocument || err != nil {
			return nil
		}
		for _, e := range elements {
			t := test(e)
			if t == nil {
				return nil
			}
			tests = append(tests, t)
		}
	}
	return func(d bson.Raw) bool {
		return !slices.ContainsFunc(tests, func(t func(bson.Raw) bool) bool { return !t(d) })
	}
}

// greaterThan returns the condition {$gt: ["$field", {$literal: value}]}, which compares across
// types, or nil if expr is another one.
func greaterThan(expr bson.RawValue) func(bson.Raw) bool {
	operator, operands, ok := only(expr)
	list, isArray := operands.ArrayOK()
	if !ok || operator != "$gt" || !isArray {
		return nil
	}
	sides, err := list.Values()
	if err != nil || len(sides) != 2 {
		return nil
	}
	path, isPath := sides[0].StringValueOK()
	literal, value, ok := only(sides[1])
	if !isPath || !strings.HasPrefix(path, "$") || strings.Contains(path, ".") || !ok || literal != "$literal" {
		return nil
	}
	return func(d bson.Raw) bool {
		have, err := d.LookupErr(path[1:])
		return err == nil && compareValues(have, value) > 0
	}
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

// sortDocuments returns docs in the order of one top-level field: {field: 1} or {field: -1}.
func sortDocuments(docs []bson.Raw, order bson.RawValue) ([]bson.Raw, error) {
	if order.IsZero() {
		return docs, nil
	}
	key, v, ok := only(order)
	direction, isNumber := v.AsInt64OK()
	if !ok || !isNumber || direction != 1 && direction != -1 || strings.ContainsAny(key, "$.") {
		return nil, fmt.Errorf("mongotest: a sort can only be by one field of the top level, not %s", order)
	}
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b bson.Raw) int {
		return int(direction) * compareValues(a.Lookup(key), b.Lookup(key))
	})
	return docs, nil
}

// isNaN reports whether v is NaN, to which nothing is greater in a filter, unlike in a sort.
func isNaN(v bson.RawValue) bool {
	switch v.Type {
	case bson.TypeDouble:
		return math.IsNaN(v.Double())
	case bson.TypeDecimal128:
		return v.Decimal128().IsNaN()
	}
	return false
}
