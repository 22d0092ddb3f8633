package mongosink

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
)

// server is what a run knows about the server.
type server struct {
	client     *mongo.Client // nil in tests without one
	sessions   bool          // it has sessions
	numbers    bool          // it has retryable writes, says its hello
	replicated bool          // it is a member of a replica set, not a router
	unnumbered atomic.Bool   // it said otherwise later

	mu   sync.Mutex
	kind *collectionKind // nil if it was not asked
}

// collectionKind has the properties of a collection that decide whether a write may be repeated.
type collectionKind struct {
	uniqueIDs bool // the server proved that it has a unique index on _id
	unknown   bool // the server does not describe the collection
	capped    bool // it drops its oldest documents
	collated  bool // texts that have other bytes may be equal
}

// encryptedBytes limits a command whose fields the driver encrypts, because that makes it longer.
// The driver has the same limit.
const encryptedBytes = 2 << 20

// askServer lowers the limits of a batch to those of the server, and finds out how it can repeat
// writes.
func (r *run) askServer(ctx context.Context) error {
	ctx = mongo.NewSessionContext(ctx, nil) // an error would end a transaction of the caller
	hello := document(bson.D{{Key: "hello", Value: 1}})
	reply, err := r.ask(ctx, hello)
	if mongo.IsNetworkError(err) { // the driver does not repeat it
		reply, err = r.ask(ctx, hello)
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return r.fail(fmt.Errorf("ask the server for its limits: %w", mongoerr.Mark(err)))
	}
	if n, ok := reply.Lookup("maxWriteBatchSize").AsInt64OK(); ok && n > 0 {
		r.batchDocuments = int(min(int64(r.batchDocuments), n))
	}
	if n, ok := reply.Lookup("maxMessageSizeBytes").AsInt64OK(); ok && n > 0 {
		r.batchBytes = int(min(int64(r.batchBytes), n-min(n/2, 1_000_000)))
	}
	if c := r.server.client; c != nil {
		if encrypts(c) {
			r.batchBytes = min(r.batchBytes, encryptedBytes)
		}
		_, r.server.replicated = reply.Lookup("setName").StringValueOK()
		router, _ := reply.Lookup("msg").StringValueOK()
		_, r.server.sessions = reply.Lookup("logicalSessionTimeoutMinutes").AsInt64OK()
		r.server.numbers = r.server.sessions && (r.server.replicated || router == "isdbgrid") && retriesWrites(c)
	}
	if err := r.slow.open(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return r.fail(fmt.Errorf("measure the replication lag: %w", err))
	}
	return nil
}

// askTime limits the duration of a request that does not concern documents.
const askTime = 30 * time.Second

// ask sends a command that changes nothing.
func (w *writing) ask(ctx context.Context, command bson.Raw) (bson.Raw, error) {
	return askBy(ctx, w.command, command)
}

// askAdmin is ask of the database admin.
func (w *writing) askAdmin(ctx context.Context, command bson.Raw) (bson.Raw, error) {
	return askBy(ctx, w.admin, command)
}

func askBy(ctx context.Context, send func(context.Context, bson.Raw) (bson.Raw, error), command bson.Raw) (bson.Raw,
	error,
) {
	// Near a deadline of the run, the driver would report that the time does not suffice, before the
	// run knows it.
	ctx, done := mongowait.WithoutDeadline(ctx)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return send(ctx, command)
}

// document marshals a command of this package, which cannot fail.
func document(fields bson.D) bson.Raw {
	raw, err := bson.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return raw
}

// uniqueIDs reports whether the server proved that the collection has a unique index on _id: a time
// series has none. Then two documents sent with one _id are never both stored, and a stored
// document tells what happened to the one that was sent.
func (r *run) uniqueIDs(ctx context.Context) bool {
	unique, _ := r.askUniqueIDs(ctx)
	return unique
}

// askUniqueIDs is uniqueIDs, with the reason if the server does not answer.
func (r *run) askUniqueIDs(ctx context.Context) (bool, error) {
	kind, err := r.askKind(ctx)
	return kind.uniqueIDs, err
}

// askKind asks the server about the collection. If it does not answer, the next call asks again.
func (r *run) askKind(ctx context.Context) (collectionKind, error) {
	s := &r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind != nil {
		return *s.kind, nil
	}
	reply, err := r.ask(mongo.NewSessionContext(ctx, nil), document(bson.D{
		{Key: "listCollections", Value: 1},
		{Key: "filter", Value: bson.D{{Key: "name", Value: r.collection}}},
	}))
	if err != nil {
		return collectionKind{}, err
	}
	kind := kindOf(reply)
	s.kind = &kind
	return kind, nil
}

// kindOf returns the kind of the only collection of a list. A collection that does not exist yet will
// be a common one: a time series must be created explicitly.
func kindOf(reply bson.Raw) collectionKind {
	cursor, ok := reply.Lookup("cursor").DocumentOK()
	list, err := valuesOf(cursor, "firstBatch")
	if !ok || err != nil || len(list) > 1 {
		return collectionKind{unknown: true, collated: true}
	}
	if len(list) == 0 {
		return collectionKind{uniqueIDs: true}
	}
	info, _ := list[0].DocumentOK()
	kind, _ := info.Lookup("type").StringValueOK()
	_, index := info.Lookup("idIndex").DocumentOK()
	clustered := !info.Lookup("options", "clusteredIndex").IsZero()
	return collectionKind{
		uniqueIDs: kind == "collection" && (index || clustered),
		capped:    isTrue(info.Lookup("options", "capped")),
		collated:  !info.Lookup("options", "collation").IsZero(),
	}
}
