package mongosink

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// fitServer lowers the limits of a batch to those of the server, so that the driver never divides
// one. If a part of a divided batch fails, the driver does not say what it did with the other
// parts, and the failure would look like a failure of the whole batch.
func (r *run) fitServer(ctx context.Context) error {
	db := databaseOf(r.coll)
	if db == nil {
		return nil
	}
	ctx = mongo.NewSessionContext(ctx, nil) // an error would end a transaction of the caller
	hello := bson.D{{Key: "hello", Value: 1}}
	reply, err := runCommand(ctx, db, hello)
	if mongo.IsNetworkError(err) { // the driver does not repeat it
		reply, err = runCommand(ctx, db, hello)
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return r.fail(fmt.Errorf("ask the server for its limits: %w", mongoerr.Mark(err)))
	}
	if n, ok := reply.Lookup("maxWriteBatchSize").AsInt64OK(); ok && n > 0 {
		r.opts.BatchDocuments = int(min(int64(r.opts.BatchDocuments), n))
	}
	if n, ok := reply.Lookup("maxMessageSizeBytes").AsInt64OK(); ok && n > 0 {
		r.opts.BatchBytes = int(min(int64(r.opts.BatchBytes), n-min(n/2, 1_000_000)))
	}
	return nil
}

// databaseOf returns the database of a collection, or nil if coll is a user's own type without one.
func databaseOf(coll Inserter) *mongo.Database {
	c, ok := coll.(interface{ Database() *mongo.Database })
	if !ok {
		return nil
	}
	return c.Database()
}
