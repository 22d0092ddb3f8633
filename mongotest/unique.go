package mongotest

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// uniqueIndex has the keys of the documents of a collection in one unique index.
type uniqueIndex struct {
	name   string
	paths  [][]string
	sparse bool
	only   predicate // of a partial index; nil for all documents
	keys   map[string]struct{}
}

// resetUnique reads the unique indexes of c again.
func (c *collection) resetUnique() *refusal {
	c.unique = nil
	for _, index := range c.indexes {
		if !truthy(index.Lookup("unique")) {
			continue
		}
		u := uniqueIndex{
			name:   index.Lookup("name").StringValue(),
			sparse: truthy(index.Lookup("sparse")),
			keys:   map[string]struct{}{},
		}
		if filter, ok := index.Lookup("partialFilterExpression").DocumentOK(); ok {
			var err error
			if u.only, err = parseFilter(filter); err != nil {
				return &refusal{67, err.Error()}
			}
		}
		elements, _ := index.Lookup("key").Document().Elements()
		for _, e := range elements {
			u.paths = append(u.paths, strings.Split(e.Key(), "."))
		}
		c.unique = append(c.unique, u)
	}
	return nil
}

// findDuplicate fills the unique indexes of c and returns the refusal of the first document whose
// key is there already, or nil.
func (c *collection) findDuplicate() *refusal {
	for _, doc := range c.docs {
		if bad := c.addKeys(doc); bad != nil {
			return bad
		}
	}
	return nil
}

// addKeys adds the keys of doc to the unique indexes of c, or returns why it must not be stored.
func (c *collection) addKeys(doc bson.Raw) *refusal {
	const duplicateKey = 11000
	keys := make([][]string, len(c.unique))
	for i, u := range c.unique {
		keys[i] = u.keysOf(doc)
		for _, k := range keys[i] {
			if _, taken := u.keys[k]; taken {
				return &refusal{duplicateKey, fmt.Sprintf(
					"E11000 duplicate key error collection: %s.%s index: %s dup key", c.db, c.name, u.name)}
			}
		}
	}
	for i, u := range c.unique {
		for _, k := range keys[i] {
			u.keys[k] = struct{}{}
		}
	}
	return nil
}

// keysOf returns the keys of doc: one for each element of an array.
func (u *uniqueIndex) keysOf(doc bson.Raw) []string {
	if u.only != nil && !u.only(doc) {
		return nil
	}
	keys, found := []string{""}, false
	for _, path := range u.paths {
		values := valuesAt(doc, path)
		found = found || len(values) > 0
		if n := len(values); n > 1 && values[n-1].Type == bson.TypeArray {
			values = values[:n-1]
		}
		if len(values) == 0 {
			values = []bson.RawValue{{Type: bson.TypeNull}}
		}
		var longer []string
		for _, k := range keys {
			for _, v := range values {
				key := appendKey(nil, v)
				longer = append(longer, fmt.Sprintf("%s%d:%s", k, len(key), key))
			}
		}
		keys = longer
	}
	if u.sparse && !found {
		return nil
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
