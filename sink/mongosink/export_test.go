package mongosink

import (
	"cmp"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

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
	return insertInto(target{collection: "cookies", command: command}, &o)
}
