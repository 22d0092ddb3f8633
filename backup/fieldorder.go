package backup

import (
	"cmp"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// maxFieldDepth is the depth to which [inFieldOrder] sorts: more than servers store.
const maxFieldDepth = 200

// inFieldOrder returns a document with its fields sorted by name, at every depth. A time series gives
// the fields of a measurement, and those of its metadata, in another order than it got them.
func inFieldOrder(doc bson.Raw) bson.Raw { return sortFields(doc, maxFieldDepth) }

func sortFields(doc bson.Raw, depth int) bson.Raw {
	elements, err := doc.Elements()
	if err != nil || depth == 0 {
		return doc
	}
	slices.SortStableFunc(elements, func(a, b bson.RawElement) int { return cmp.Compare(a.Key(), b.Key()) })
	start, sorted := bsoncore.AppendDocumentStart(make([]byte, 0, len(doc)))
	for _, e := range elements {
		v := e.Value()
		body := v.Value
		// the keys of an array stay with its values
		if v.Type == bson.TypeEmbeddedDocument || v.Type == bson.TypeArray {
			body = sortFields(body, depth-1)
		}
		sorted = append(sorted, byte(v.Type))
		sorted = append(append(sorted, e.Key()...), 0)
		sorted = append(sorted, body...)
	}
	sorted, err = bsoncore.AppendDocumentEnd(sorted, start)
	if err != nil {
		return doc
	}
	return sorted
}
