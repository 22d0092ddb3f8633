package mongotest

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// sortKey is one field of a sort.
type sortKey struct {
	path       []string
	descending bool
}

// parseSort reads {field: 1, other: -1}.
func parseSort(order bson.Raw) (keys []sortKey, err error) {
	elements, err := order.Elements()
	if err != nil {
		return nil, err
	}
	for _, e := range elements {
		direction, isNumber := e.Value().AsInt64OK()
		switch {
		case strings.HasPrefix(e.Key(), "$"), !isNumber:
			return nil, unsupported("the sort", order)
		case direction != 1 && direction != -1:
			return nil, fmt.Errorf("$sort key ordering must be 1 (for ascending) or -1 (for descending)")
		}
		keys = append(keys, sortKey{strings.Split(e.Key(), "."), direction < 0})
	}
	return keys, nil
}

// sortDocuments returns docs in the order that a sort asks for. Equal documents keep their order.
func sortDocuments(docs []bson.Raw, order bson.RawValue) ([]bson.Raw, error) {
	by, isDocument := order.DocumentOK()
	switch {
	case order.IsZero():
		return docs, nil
	case !isDocument:
		return nil, unsupported("the sort", order)
	}
	if natural, err := by.LookupErr("$natural"); err == nil {
		return naturalOrder(docs, by, natural)
	}
	keys, err := parseSort(by)
	if err != nil || len(keys) == 0 {
		return docs, err
	}
	type keyed struct {
		doc    bson.Raw
		values []bson.RawValue
	}
	all := make([]keyed, len(docs))
	for i, d := range docs {
		all[i] = keyed{d, make([]bson.RawValue, len(keys))}
		for k, key := range keys {
			all[i].values[k] = key.of(d)
		}
	}
	compare := func(a, b keyed) int {
		for k, key := range keys {
			c := bsonorder.Compare(a.values[k], b.values[k])
			switch {
			case c != 0 && key.descending:
				return -c
			case c != 0:
				return c
			}
		}
		return 0
	}
	if slices.IsSortedFunc(all, compare) {
		return docs, nil
	}
	slices.SortStableFunc(all, compare)
	sorted := make([]bson.Raw, len(docs))
	for i, k := range all {
		sorted[i] = k.doc
	}
	return sorted, nil
}

// of returns the value by which d is sorted: of an array, the least element, or the greatest in a
// descending sort.
func (k sortKey) of(d bson.Raw) (best bson.RawValue) {
	values := valuesAt(d, k.path)
	if n := len(values); n > 1 && values[n-1].Type == bson.TypeArray {
		values = values[:n-1]
	}
	for i, v := range values {
		if c := bsonorder.Compare(v, best); i == 0 || c < 0 && !k.descending || c > 0 && k.descending {
			best = v
		}
	}
	return best
}

// naturalOrder returns docs in the order of insertion, or in the reverse for {$natural: -1}.
func naturalOrder(docs []bson.Raw, by bson.Raw, direction bson.RawValue) ([]bson.Raw, error) {
	elements, _ := by.Elements()
	switch n, isNumber := direction.AsInt64OK(); {
	case len(elements) > 1:
		return nil, unsupported("a sort by $natural and by fields", by)
	case isNumber && n == 1:
		return docs, nil
	case isNumber && n == -1:
		reversed := slices.Clone(docs)
		slices.Reverse(reversed)
		return reversed, nil
	}
	//lint:ignore ST1005 these are the words of a real server
	return nil, fmt.Errorf("$natural sort cannot be set to a value other than -1 or 1.")
}
