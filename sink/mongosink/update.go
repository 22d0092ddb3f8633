package mongosink

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/stream"
)

// Update returns a sink that sets fields of documents: each document of its input has the fields to
// set in the document with the same key, apart from _id. Other fields stay. A document without a
// counterpart changes nothing: Unmatched counts it. For other changes than $set, and for an upsert,
// use [Bulk] with [UpdateOne].
//
// key, order, goroutines, memory and errors are those of [Replace]. A key with a dot or a dollar sign
// at its begin would mean a path or an operator, so such a field is a [*DocumentError] with
// [ErrInvalidWrite].
func Update(coll *mongo.Collection, key func(bson.Raw) (any, error), opts *WriteOptions,
) stream.Sink[bson.Raw, WriteResult] {
	return bulkOf(coll, opts, "update", "Update", byKey(key, setFields))
}

// Delete returns a sink that deletes the documents with the same keys as those of its input. A
// document without a counterpart changes nothing: Unmatched counts it.
//
// key, order, goroutines, memory and errors are those of [Replace], with [ErrOutcomeUnknown] if a lost
// reply could not be settled.
func Delete(coll *mongo.Collection, key func(bson.Raw) (any, error), opts *WriteOptions,
) stream.Sink[bson.Raw, WriteResult] {
	return bulkOf(coll, opts, "delete", "Delete", byKey(key, func(filter any, _ bson.Raw) Write {
		return DeleteOne(filter)
	}))
}

// setFields returns an update that sets the fields of doc, apart from _id.
func setFields(filter any, doc bson.Raw) Write {
	bad := func(err error) Write {
		return Write{verb: updates, document: bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: doc}, err: err}
	}
	if !bsonwire.HasFrame(doc) {
		return bad(ErrMalformed)
	}
	if _, ok := layoutOf(doc); !ok {
		return bad(ErrMalformed)
	}
	elements, _ := doc.Elements()
	var fields []byte
	for _, e := range elements {
		if e.Key() != "_id" {
			fields = append(fields, e...)
		}
	}
	set := bsoncore.BuildDocument(nil, fields)
	if key := notPlain(bson.Raw(set)); key != "" {
		return bad(fmt.Errorf("%w: the field %s would be taken for a path or an operator", ErrInvalidWrite, key))
	}
	return UpdateOne(filter, bson.Raw(bsoncore.BuildDocument(nil, bsoncore.AppendDocumentElement(nil, "$set", set))))
}
