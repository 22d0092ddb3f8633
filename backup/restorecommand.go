package backup

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
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

// drop drops a collection, if it exists, and waits for a majority of the servers. It repeats a drop that
// the server refused for a moment. It does not repeat one whose reply was lost: the first could be
// carried out late, and would drop what is made meanwhile.
func drop(ctx context.Context, coll *mongo.Collection) error {
	const namespaceNotFound = 26
	for pause := firstPause; ; pause *= 2 {
		err := runCommand(ctx, coll.Database(), bson.D{{Key: "drop", Value: coll.Name()}})
		var reply mongo.CommandError
		answered := errors.As(err, &reply) && reply.Code != 0 && !mongo.IsNetworkError(err)
		switch {
		case answered && reply.Code == namespaceNotFound:
			return nil
		case !answered || !transient(err) || pause > maxPublishPause:
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// isRefusal reports whether err says that the server refused a command for good.
func isRefusal(err error) bool {
	var reply mongo.CommandError
	return errors.As(err, &reply) && reply.Code != 0 && !mongo.IsNetworkError(err) && !transient(err)
}

func transient(err error) bool {
	class := stream.ClassOf(err)
	return class == stream.Retryable || class == stream.Throttled
}

// The pauses before a command is sent again grow from firstPause. All take about 26 seconds.
const (
	firstPause      = 50 * time.Millisecond
	maxPublishPause = 13 * time.Second
)

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
