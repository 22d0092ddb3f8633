package mongosink

import (
	"cmp"
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// InsertBy is Insert with a function in place of the driver. It repeats nothing by default.
func InsertBy(command func(context.Context, bson.Raw) (bson.Raw, error), opts *InsertOptions,
) stream.Sink[bson.Raw, InsertResult] {
	var o InsertOptions
	if opts != nil {
		o = *opts
	}
	o.RetryTimeout = cmp.Or(o.RetryTimeout, -1)
	return insertInto(target{collection: "cookies", command: command, admin: command}, &o)
}

// LagOf returns the replication lag that a sink of coll would see.
func LagOf(ctx context.Context, coll *mongo.Collection) (time.Duration, error) {
	w := writing{target: targetOf(coll)}
	m := lagMeter{hello: w.ask, admin: w.askAdmin}
	if err := m.open(ctx); err != nil {
		return 0, err
	}
	return m.read(ctx)
}
