package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
)

// identify returns the UUID of coll, which a collection keeps until it is dropped.
func identify(ctx context.Context, coll *mongo.Collection) (uuid [16]byte, err error) {
	spec, found, err := specification(ctx, coll)
	switch {
	case err != nil:
		return uuid, err
	case !found:
		return uuid, errAbsent
	case spec.Type == "view" || spec.Type == "timeseries":
		return uuid, fmt.Errorf("%w: it is a %s, which has no index on _id", ErrNotResumable, spec.Type)
	case spec.UUID == nil || len(spec.UUID.Data) != len(uuid):
		return uuid, fmt.Errorf("%w: the server gives the collection no UUID (use Find)", ErrNotResumable)
	}
	copy(uuid[:], spec.UUID.Data)
	return uuid, nil
}

// errAbsent says that there is no collection of the name.
var errAbsent = errors.New("the collection does not exist")

// specification returns what listCollections says about coll.
func specification(ctx context.Context, coll *mongo.Collection) (
	spec mongo.CollectionSpecification, found bool, err error,
) {
	defer mongoerr.Recover(&err)
	// Outside of the caller's session: listCollections runs in no transaction and in no snapshot.
	waiting, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	specs, err := coll.Database().ListCollectionSpecifications(waiting, bson.D{{Key: "name", Value: coll.Name()}})
	switch {
	case err != nil && ctx.Err() != nil:
		return spec, false, context.Cause(ctx)
	case err != nil:
		err = probeCollections(coll.Database()).explain(ctx, err)
		return spec, false, fmt.Errorf("read the collection's UUID: %w", classify(err))
	case len(specs) == 0:
		return spec, false, nil
	}
	return specs[0], true, nil
}
