package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/internal/mongoerr"
)

// With a time limit of the client (SetTimeout), the driver repeats a refused request until the time is
// over, and then hides the server's reason. A probe is a small request of the same command, which the
// driver does not repeat: its refusal has the reason.
type probe struct {
	db         *mongo.Database // nil if it is not known
	command    bson.D          // asks for one document at most, so that it leaves no cursor
	preference *readpref.ReadPref

	opensCursor bool // which must be closed
}

// probeFind returns the probe of a find in coll.
func probeFind(coll *mongo.Collection, preference *readpref.ReadPref) probe {
	return probe{db: coll.Database(), command: bson.D{
		{Key: "find", Value: coll.Name()},
		{Key: "filter", Value: bson.D{}},
		{Key: "limit", Value: int32(1)},
		{Key: "singleBatch", Value: true},
	}, preference: preference}
}

// probeAggregate returns the probe of an aggregation of coll.
func probeAggregate(coll *mongo.Collection, preference *readpref.ReadPref) probe {
	return probe{db: coll.Database(), command: bson.D{
		{Key: "aggregate", Value: coll.Name()},
		{Key: "pipeline", Value: bson.A{bson.D{{Key: "$limit", Value: int32(1)}}}},
		{Key: "cursor", Value: bson.D{}},
	}, preference: preference}
}

// probeCount returns the probe of a count of coll.
func probeCount(coll *mongo.Collection) probe {
	return probe{db: coll.Database(), command: bson.D{{Key: "count", Value: coll.Name()}}}
}

// probeCollections returns the probe of a listCollections in db. No collection has the name.
func probeCollections(db *mongo.Database) probe {
	return probe{db: db, command: bson.D{
		{Key: "listCollections", Value: int32(1)},
		{Key: "filter", Value: bson.D{{Key: "name", Value: ""}}},
		{Key: "nameOnly", Value: true},
	}}
}

// probeWatch returns the probe of a change stream, which needs the same rights. It begins at now and
// reads nothing.
func probeWatch(target Watcher) probe {
	db, coll := watched(target)
	settings := bson.D{}
	var of any = int32(1)
	switch target.(type) {
	case *mongo.Collection:
		of = coll
	case *mongo.Client:
		settings = bson.D{{Key: "allChangesForCluster", Value: true}}
	}
	return probe{db: db, opensCursor: true, command: bson.D{
		{Key: "aggregate", Value: of},
		{Key: "pipeline", Value: bson.A{bson.D{{Key: "$changeStream", Value: settings}}}},
		{Key: "cursor", Value: bson.D{{Key: "batchSize", Value: int32(0)}}},
	}}
}

// probeDatabases returns the probe of a listDatabases.
func probeDatabases(client *mongo.Client) probe {
	return probe{db: client.Database("admin"), command: bson.D{
		{Key: "listDatabases", Value: int32(1)}, {Key: "nameOnly", Value: true},
	}}
}

// explain adds the server's reason to err, if the driver hid it.
func (p probe) explain(ctx context.Context, err error) error {
	if p.db == nil || ctx.Err() != nil || !hidesReason(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(mongo.NewSessionContext(ctx, nil), closeTimeout)
	defer cancel()
	refused := guarded(func() error { return p.ask(ctx) })
	var server mongo.ServerError
	if !errors.As(refused, &server) || !hasCode(server) {
		return err
	}
	return fmt.Errorf("%w; asked again, the server says: %w", err, mongoerr.Mark(refused))
}

// ask sends the command.
func (p probe) ask(ctx context.Context) error {
	preference := p.preference
	if preference == nil {
		preference = readpref.PrimaryPreferred()
	}
	o := options.RunCmd().SetReadPreference(preference)
	if !p.opensCursor {
		return p.db.RunCommand(ctx, p.command, o).Err()
	}
	cur, err := p.db.RunCommandCursor(ctx, p.command, o)
	if err != nil {
		return err
	}
	_ = cur.Close(ctx) // the server has answered: an error of the closing is no reason
	return nil
}

// hidesReason reports whether err says only that the time of the client is over.
func hidesReason(err error) bool {
	return mongo.IsTimeout(err) && mayRun(err)
}

// mayRun reports whether the server may carry out a request that failed with err: it was sent, and
// no answer came.
func mayRun(err error) bool {
	var (
		server    mongo.ServerError
		selection topology.ServerSelectionError
	)
	return !errors.As(err, &selection) && !(errors.As(err, &server) && hasCode(server))
}

// hasCode reports whether err is a server's answer. The driver's error of a failed connection is a
// mongo.ServerError, too, without a code.
func hasCode(err mongo.ServerError) bool {
	for _, code := range err.ErrorCodes() {
		if code != 0 {
			return true
		}
	}
	return false
}
