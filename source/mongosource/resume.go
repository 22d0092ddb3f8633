package mongosource

import (
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A scan resumes after an _id in two queries. {_id: {$gt: id}} finds the documents after it whose
// _id has a comparable type, from the index. Then $expr finds those of the other types after it,
// because $gt in a filter never crosses types. Only $expr compares all types, but some servers read
// the whole collection for it, so it is left for the rest.

// hasWithin reports whether {$gt: id} finds exactly the documents after id in the order of the
// sort, as far as their types are comparable. It does not for NaN, which the sort puts before all
// numbers, and there is nothing after null.
func hasWithin(id bson.RawValue) bool {
	switch id.Type {
	case bson.TypeDouble:
		return !math.IsNaN(id.Double())
	case bson.TypeDecimal128:
		return !id.Decimal128().IsNaN()
	case bson.TypeInt32, bson.TypeInt64, bson.TypeString, bson.TypeEmbeddedDocument, bson.TypeBinary,
		bson.TypeObjectID, bson.TypeBoolean, bson.TypeDateTime, bson.TypeTimestamp:
		return true
	}
	return false
}

// both returns a filter for the documents that match a filter of the user and the filter rest.
func both(filter any, rest bson.D) any {
	if doc, err := bson.Marshal(filter); err == nil && len(doc) == emptyDocument {
		return rest
	}
	return bson.D{{Key: "$and", Value: bson.A{filter, rest}}}
}

const emptyDocument = 5 // bytes

// ordered returns the name of an operator in filter that brings its own order, or "".
func ordered(filter any) string {
	doc, err := bson.Marshal(filter)
	if err != nil {
		return "" // the query reports it
	}
	return operatorIn(doc, 0)
}

func operatorIn(doc bson.Raw, level int) string {
	elements, err := doc.Elements()
	if err != nil || level > maxDepth {
		return ""
	}
	for _, e := range elements {
		switch key := e.Key(); key {
		case "$near", "$nearSphere":
			return key
		}
		var inner bson.Raw
		switch v := e.Value(); v.Type {
		case bson.TypeEmbeddedDocument, bson.TypeArray:
			inner = v.Value
		}
		if found := operatorIn(inner, level+1); found != "" {
			return found
		}
	}
	return ""
}
