package backup

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// runCommand runs a command that changes a database, and waits for a majority of the servers.
func runCommand(ctx context.Context, db *mongo.Database, command bson.D) error {
	send := func() (err error) {
		defer mongoerr.Recover(&err)
		return db.RunCommand(ctx, append(command, bson.E{
			Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}},
		})).Err()
	}
	if err := send(); err != nil {
		return mongoerr.Mark(err)
	}
	return nil
}

// isRefusal reports whether err says that the server refused a command for good.
func isRefusal(err error) bool {
	var reply mongo.CommandError
	return errors.As(err, &reply) && reply.Code != 0 && !mongo.IsNetworkError(err) && !transient(err)
}
