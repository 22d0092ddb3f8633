package mongosink

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/stream"
)

// Replace returns a sink that replaces documents by those of its input with the same key. A document
// without a counterpart changes nothing: Unmatched counts it.
//
// key returns the filter of a document; nil means its _id. Two documents of the input with one key
// may be in flight at the same time, unless the sink is Ordered.
//
// Goroutines, memory and errors are those of [Bulk], and [*DocumentError] with [ErrNoID] for a
// document without an _id if that is the key. If the key is the _id, a run can be repeated with the
// same end.
func Replace(coll *mongo.Collection, key func(bson.Raw) (any, error), opts *WriteOptions,
) stream.Sink[bson.Raw, WriteResult] {
	return bulkOf(coll, opts, "replace", "Replace", byKey(key, func(filter any, doc bson.Raw) Write {
		return ReplaceOne(filter, doc)
	}))
}

// Upsert is like [Replace], and inserts the documents without a counterpart. A key other than the
// _id needs a unique index, or two upserts at the same time may both insert. Goroutines, memory and
// errors are those of [Bulk], and [*DocumentError] with [ErrNoID] as in Replace.
func Upsert(coll *mongo.Collection, key func(bson.Raw) (any, error), opts *WriteOptions,
) stream.Sink[bson.Raw, WriteResult] {
	return bulkOf(coll, opts, "upsert", "Upsert", byKey(key, func(filter any, doc bson.Raw) Write {
		return UpsertOne(filter, doc)
	}))
}

// byKey returns a function that makes a write of a document by its key.
func byKey(key func(bson.Raw) (any, error), write func(filter any, doc bson.Raw) Write) func(bson.Raw) (Write, error) {
	if key == nil {
		return func(doc bson.Raw) (Write, error) {
			id, err := doc.LookupErr("_id")
			if err != nil {
				return Write{verb: replaces, document: bson.RawValue{Value: doc}, err: ErrNoID}, nil
			}
			value := bsoncore.Value{Type: bsoncore.Type(id.Type), Data: id.Value}
			if invalidID(value) {
				return Write{verb: replaces, document: bson.RawValue{Value: doc}, err: ErrInvalidID}, nil
			}
			return write(bson.Raw(bsoncore.BuildDocument(nil, bsoncore.AppendValueElement(nil, "_id", value))), doc),
				nil
		}
	}
	return func(doc bson.Raw) (Write, error) {
		filter, err := key(doc)
		if err != nil {
			return Write{}, err
		}
		return write(filter, doc), nil
	}
}
