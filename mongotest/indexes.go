package mongotest

import (
	"bytes"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxIndexes is the limit of the indexes of a collection.
const maxIndexes = 64

// indexOptions are the fields that a description of an index may have.
var indexOptions = []string{
	"v", "key", "name", "unique", "sparse", "background", "hidden", "expireAfterSeconds", "partialFilterExpression",
	"collation", "wildcardProjection", "weights", "default_language", "language_override", "textIndexVersion",
	"2dsphereIndexVersion", "bits", "min", "max", "storageEngine", "prepareUnique",
}

// idIndex returns the index on _id that a collection has from the start, or nil if it has none.
func (c *collection) idIndex() bson.Raw {
	if c.kind != plainType || !c.options.Lookup("clusteredIndex").IsZero() {
		return nil
	}
	return document(bson.D{
		{Key: "v", Value: int32(2)},
		{Key: "key", Value: bson.D{{Key: "_id", Value: int32(1)}}},
		{Key: "name", Value: "_id_"},
	})
}

// allIndexes returns the descriptions of the indexes of c, the one on _id first.
func (c *collection) allIndexes() []bson.Raw {
	if index := c.idIndex(); index != nil {
		return append([]bson.Raw{index}, c.indexes...)
	}
	return c.indexes
}

// listIndexes lists the indexes of a collection.
func (s *Server) listIndexes(ns string) bson.Raw {
	const commandNotSupportedOnView, namespaceNotFound = 166, 26
	c := s.data[ns]
	switch {
	case c == nil:
		return failure(namespaceNotFound, "ns does not exist: "+ns)
	case c.kind == viewType:
		return failure(commandNotSupportedOnView, "Namespace "+ns+" is a view, not a collection")
	}
	return s.firstBatch(ns, c.allIndexes(), firstBatch)
}

// createIndexes builds indexes: all of them or none. Of their options, the server enforces unique,
// for the fields of the top level.
func (s *Server) createIndexes(req *request, target string) bson.Raw {
	if bad := refuseUnknown("createIndexes", req.body, nil, "indexes", "commitQuorum"); bad != nil {
		return bad
	}
	list, _ := req.body.Lookup("indexes").ArrayOK()
	values, err := list.Values()
	if err != nil || len(values) == 0 {
		return failure(2, "Must specify at least one index to create")
	}
	c := s.make(req.db, target)
	if c.kind == viewType {
		return failure(166, "Namespace "+req.db+"."+target+" is a view, not a collection")
	}
	before := c.indexes
	for _, v := range values {
		if bad := c.addIndex(v.Value); bad != nil {
			c.indexes = before
			return failure(bad.code, bad.text)
		}
	}
	bad := c.resetUnique()
	if c.made != nil && len(c.unique) > 0 {
		bad = &refusal{2, "mongotest: a unique index of a generated collection is not supported"}
	}
	if bad == nil {
		bad = c.findDuplicate()
	}
	if bad != nil {
		c.indexes = before
		c.resetUnique()
		c.findDuplicate()
		return failure(bad.code, bad.text)
	}
	count := func(indexes []bson.Raw) int32 { return int32(len(c.allIndexes()) - len(c.indexes) + len(indexes)) }
	return document(bson.D{
		{Key: "numIndexesBefore", Value: count(before)},
		{Key: "numIndexesAfter", Value: count(c.indexes)},
		ok,
	})
}

// addIndex adds an index, unless c has the same already.
func (c *collection) addIndex(index bson.Raw) *refusal {
	const cannotCreate, optionsConflict, keysConflict = 67, 85, 86
	if bad := checkIndex(index); bad != nil {
		return bad
	}
	name, key := index.Lookup("name").StringValue(), index.Lookup("key").Document()
	for _, have := range c.allIndexes() {
		sameName := have.Lookup("name").StringValue() == name
		sameKey := bytes.Equal(have.Lookup("key").Document(), key)
		switch {
		case sameName && sameKey && sameOptions(have, index):
			return nil
		case sameName && !sameKey:
			return &refusal{keysConflict, "An existing index has the same name as the requested index: " + name}
		case sameKey:
			return &refusal{optionsConflict, "Index already exists with a different name or options: " + name}
		}
	}
	if len(c.allIndexes()) >= maxIndexes {
		return &refusal{cannotCreate, fmt.Sprintf("add index fails, too many indexes for %s.%s key:%s", c.db, c.name,
			key)}
	}
	if index.Lookup("v").IsZero() {
		elements, _ := index.Elements()
		d := bson.D{{Key: "v", Value: int32(2)}}
		for _, e := range elements {
			d = append(d, bson.E{Key: e.Key(), Value: e.Value()})
		}
		index = document(d)
	}
	c.indexes = append(c.indexes[:len(c.indexes):len(c.indexes)], slices.Clone(index))
	return nil
}

// checkIndex returns why a server refuses the description of an index, or nil.
func checkIndex(index bson.Raw) *refusal {
	const failedToParse, cannotCreate, invalidOption = 9, 67, 197
	elements, err := index.Elements()
	if err != nil {
		return &refusal{failedToParse, err.Error()}
	}
	for _, e := range elements {
		if !slices.Contains(indexOptions, e.Key()) {
			return &refusal{invalidOption, fmt.Sprintf("The field '%s' is not valid for an index specification",
				e.Key())}
		}
	}
	key, hasKey := index.Lookup("key").DocumentOK()
	_, hasName := index.Lookup("name").StringValueOK()
	if !hasKey || !hasName {
		return &refusal{failedToParse, "The 'key' and 'name' fields are required properties of an index specification"}
	}
	fields, err := key.Elements()
	if err != nil || len(fields) == 0 {
		return &refusal{cannotCreate, "Index keys cannot be empty."}
	}
	for _, f := range fields {
		v := f.Value()
		switch kind, isText := v.StringValueOK(); {
		case isText && !slices.Contains([]string{"text", "hashed", "2d", "2dsphere"}, kind):
			return &refusal{cannotCreate, fmt.Sprintf("Unknown index plugin '%s'", kind)}
		case isText:
		case v.Type != bson.TypeInt32 && v.Type != bson.TypeInt64 && v.Type != bson.TypeDouble:
			return &refusal{cannotCreate, fmt.Sprintf("Values in v:2 index key pattern cannot be of type %s", v.Type)}
		case !truthy(v):
			return &refusal{cannotCreate, "Values in the index key pattern cannot be 0."}
		}
	}
	return nil
}

// sameOptions reports whether two descriptions of an index say the same. The version does not count.
func sameOptions(a, b bson.Raw) bool {
	covers := func(a, b bson.Raw) bool {
		elements, _ := a.Elements()
		return !slices.ContainsFunc(elements, func(e bson.RawElement) bool {
			return e.Key() != "v" && !b.Lookup(e.Key()).Equal(e.Value())
		})
	}
	return covers(a, b) && covers(b, a)
}
