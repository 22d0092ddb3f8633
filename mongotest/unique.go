package mongotest

import (
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// uniqueIndex has the keys of the documents of a collection in one unique index.
type uniqueIndex struct {
	name   string
	fields []string // of the top level
	keys   map[string]struct{}
}

// resetUnique reads the unique indexes of c again.
func (c *collection) resetUnique() {
	c.unique = nil
	for _, index := range c.indexes {
		if !isTrue(index.Lookup("unique")) || !index.Lookup("partialFilterExpression").IsZero() ||
			isTrue(index.Lookup("sparse")) {
			continue
		}
		u := uniqueIndex{name: index.Lookup("name").StringValue(), keys: map[string]struct{}{}}
		elements, _ := index.Lookup("key").Document().Elements()
		for _, e := range elements {
			u.fields = append(u.fields, e.Key())
		}
		c.unique = append(c.unique, u)
	}
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
	for _, u := range c.unique {
		if _, taken := u.keys[u.keyOf(doc)]; taken {
			return &refusal{duplicateKey, fmt.Sprintf("E11000 duplicate key error collection: %s.%s index: %s dup key",
				c.db, c.name, u.name)}
		}
	}
	for _, u := range c.unique {
		u.keys[u.keyOf(doc)] = struct{}{}
	}
	return nil
}

// keyOf returns the types and bytes of the fields of doc that u is about.
func (u *uniqueIndex) keyOf(doc bson.Raw) string {
	var b strings.Builder
	for _, field := range u.fields {
		v := doc.Lookup(field)
		fmt.Fprintf(&b, "%d:%d:%s", v.Type, len(v.Value), v.Value)
	}
	return b.String()
}
