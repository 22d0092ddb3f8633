package backup

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// describeServer returns what the server says about itself.
func describeServer(ctx context.Context, client *mongo.Client) (s Server, err error) {
	hello, err := ask(ctx, client, "hello")
	if err != nil {
		return s, err
	}
	s.Topology = "standalone"
	if name, ok := hello.Lookup("setName").StringValueOK(); ok {
		s.Topology, s.Name = "replica set", name
	}
	if hello.Lookup("msg").Equal(bson.RawValue{Type: bson.TypeString, Value: []byte("\x09\x00\x00\x00isdbgrid\x00")}) {
		s.Topology = "sharded"
	}
	build, err := ask(ctx, client, "buildInfo")
	s.Version, _ = build.Lookup("version").StringValueOK()
	return s, err
}

// serverTime returns the cluster time of the server, or zero if it has none.
func serverTime(ctx context.Context, client *mongo.Client) (at bson.Timestamp, err error) {
	reply, err := ask(ctx, client, "hello")
	at.T, at.I, _ = reply.Lookup("operationTime").TimestampOK()
	return at, err
}

// ask returns the reply to a command of the database admin.
func ask(ctx context.Context, client *mongo.Client, command string) (bson.Raw, error) {
	run := stream.Retry(func(ctx context.Context, command string) (reply bson.Raw, err error) {
		defer mongoerr.Recover(&err)
		reply, err = client.Database("admin").RunCommand(ctx, bson.D{{Key: command, Value: 1}}).Raw()
		return reply, mongoerr.Mark(err)
	}, nil)
	reply, err := run(ctx, command)
	if err != nil {
		return nil, fmt.Errorf("ask the server by %s: %w", command, err)
	}
	return reply, nil
}

// describeCollection completes the description of c by its indexes and its size.
func describeCollection(ctx context.Context, client *mongo.Client, c planCollection) (planCollection, error) {
	c.size = -1
	switch c.Head.Kind {
	case KindUsers, KindRoles, mongosource.KindView:
		c.size = 0
		return c, nil
	}
	coll := client.Database(c.Database).Collection(c.Collection)
	var err error
	if c.Head.Indexes, err = stream.Run(ctx, mongosource.Indexes(coll), sink.Slice[bson.Raw]()); err != nil {
		return c, err
	}
	c.size, err = collectionSize(ctx, coll)
	return c, err
}

// collectionSize returns the size of the documents in bytes, or −1 if the server does not say it.
func collectionSize(ctx context.Context, coll *mongo.Collection) (int64, error) {
	stats, err := stream.Run(ctx, mongosource.Aggregate(coll, bson.A{
		bson.D{{Key: "$collStats", Value: bson.D{{Key: "storageStats", Value: bson.D{}}}}},
	}, nil), sink.Slice[bson.Raw]())
	if err != nil && (ctx.Err() != nil || stream.ClassOf(err).Transient()) {
		return -1, err
	}
	size := int64(-1)
	for _, doc := range stats { // one of each shard
		if n, ok := doc.Lookup("storageStats", "size").AsInt64OK(); ok {
			size = max(size, 0) + n
		}
	}
	return size, nil
}

// describeAll describes the collections, several at once. If they may be missing, those that may not be
// read are marked.
func describeAll(
	ctx context.Context, client *mongo.Client, found []planCollection, allowMissing bool,
) ([]planCollection, error) {
	describe := func(ctx context.Context, c planCollection) (planCollection, error) {
		described, err := describeCollection(ctx, client, c)
		switch {
		case err == nil:
			return described, nil
		case allowMissing && isMissing(err) && ctx.Err() == nil:
			c.missing = true
			return c, nil
		}
		return c, fmt.Errorf("describe %s: %w", c.namespace(), err)
	}
	return stream.Run(ctx, stream.Via(source.Slice(found), stream.MapParallel(requestsAtOnce, describe)),
		sink.Slice[planCollection]())
}

// requestsAtOnce is how many short requests are made at once.
const requestsAtOnce = 8
