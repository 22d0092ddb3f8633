package backup

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// mark is a collection that says that a restore has not finished a target. Its only document has the
// UUID of what the restore made there, so that nothing else is taken for it.
type mark struct{ coll *mongo.Collection }

// uuid identifies a collection. It is zero if the server gives none.
type uuid = [16]byte

// set makes a mark without a UUID.
func (m mark) set(ctx context.Context) error {
	if err := drop(ctx, m.coll); err != nil {
		return err
	}
	return runCommand(ctx, m.coll.Database(), bson.D{{Key: "create", Value: m.coll.Name()}})
}

// note adds the UUID of what the restore made.
func (m mark) note(ctx context.Context, made uuid) error {
	id := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: made[:]}
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return err
	}
	_, err = stream.Run(ctx, source.Of(bson.Raw(doc)), mongosink.Insert(m.coll, nil))
	return err
}

// read reports whether the mark is set, and returns the UUID that it has.
func (m mark) read(ctx context.Context) (set bool, made uuid, err error) {
	if set, err = exists(ctx, m.coll); err != nil || !set {
		return set, made, err
	}
	docs, err := stream.Run(ctx, mongosource.Find(m.coll, anything, nil), sink.Slice[bson.Raw]())
	for _, doc := range docs {
		_, data, _ := doc.Lookup("_id").BinaryOK()
		if len(docs) > 1 || len(data) != len(made) {
			return set, made, fatal("the mark of an unfinished restore is not valid: drop " + m.coll.Name())
		}
		copy(made[:], data)
	}
	return set, made, err
}

// uuidOf returns the UUID of a collection, or zeros if the server gives none. MongoDB gives none to a
// time series, but one to the collection of its buckets.
func uuidOf(ctx context.Context, coll *mongo.Collection, found *mongosource.Collection) (uuid, error) {
	if found.UUID != (uuid{}) || found.Kind != mongosource.KindTimeSeries {
		return found.UUID, nil
	}
	buckets, err := lookUp(ctx, collectionOf(coll.Database().Client(), mongosource.Namespace{
		Database: coll.Database().Name(), Collection: "system.buckets." + coll.Name(),
	}))
	if err != nil || buckets == nil {
		return uuid{}, err
	}
	return buckets.UUID, nil
}
