// Package mongosink writes to MongoDB: it makes sinks of collections, through the official driver.
package mongosink

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// Inserter runs batches of writes. [*mongo.Collection] is one. It is BulkWrite and not InsertMany because only its result
// carries the count of the server's reply.
//
// An Inserter that also has the methods Name() string and Database() *mongo.Database is named in errors; one that has
// Clone(...options.Lister[options.CollectionOptions]) *mongo.Collection can be given a write concern.
//
// A panic of BulkWrite is [ErrOutcomeUnknown], with a [*stream.PanicError] as its cause: the driver panics at a reply that counts or
// numbers what was not sent, and may hold a lock of its client then. Give the client to mongosource.Guard, and do not use it after that.
type Inserter interface {
	BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) (*mongo.BulkWriteResult, error)
}

// InsertResult counts what an insert did, also if it failed. Every document that was handed to the
// server is in exactly one of Inserted, Failed, Unknown and, where Ordered stopped a batch in its
// middle, none.
type InsertResult struct {
	Inserted int64 // documents that the server's replies prove to be stored, under the write concern
	Failed   int64 // documents that the server refused
	Unknown  int64 // documents that may be stored or not: the reply was lost, cut off, contradicts itself, or refuses what may have been a second try
	Bytes    int64 // of the inserted documents, as BSON
	Batches  int64 // that were answered
}

// Insert returns a sink that inserts its input into coll, in batches, several at a time.
//
//   - In: BSON documents. They are stored byte for byte. One without an _id gets an ObjectID in
//     front. One that servers would change is an error before it is sent: if its _id is not first
//     (see MoveID), or if it has a top-level Timestamp(0, 0) and the server did not prove that it
//     keeps that (see AllowEmptyTimestamps). What the collection itself does to documents, as time
//     series do, is not seen here.
//   - Result: the counts of [InsertResult], which are right also with an error.
//   - Memory: (Parallelism+1) × (BatchBytes + one document) of documents, and while a batch is sent two copies of it in the driver.
//   - Order and goroutines: batches are sent by Parallelism goroutines, in any order, and all have ended when the run returns. With
//     Ordered, one by one and in the order of the input.
//   - Errors: [*InsertError] lists the documents that the server refused, [ErrDuplicate] among them; [*DocumentError] is a document
//     that is not sent; [ErrOutcomeUnknown] if no reply came, a write concern was not met, or
//     a whole batch was refused for a reason that does not lie in it, a missing right for one: an earlier try of the driver may have been carried out.
//   - Classes: what the server and the driver report is classified. Once documents may be stored no
//     error is Retryable or Throttled, not even the upstream's or a timeout's: it is of class
//     UnknownOutcome then, because a second run would store them twice.
//   - Repetitions: where the server can tell one (retryable writes), the driver repeats a batch by itself, once; of a client with a time
//     limit of its own (SetTimeout) as often as that allows. A batch for which the driver had no connection, because another
//     one's failure took them away, is sent again up to five times. It has the same _ids then, so that a collection with an
//     index of _id, as all but time series have, stores no document twice; one that the server has already is Unknown, unless its _id was given here.
//     A deadline of the context ends the run, and is hidden from the driver, which would repeat until then.
//   - There is no time limit here: nothing but a deadline or a cancellation of the context, or a time limit of the client, ends the wait for a
//     server that takes a batch and never answers.
//   - On any error what was inserted stays. Nothing more is sent; batches in flight have 10 seconds to be answered, so
//     that the result can say what became of them. A cancellation cuts them off.
//   - An error of the upstream is returned as it is; the result says how many documents were inserted before it.
//   - A session in the context serves one goroutine. So the batches are sent one by one then, each between two elements of the input, and
//     Parallelism must be 0 or 1. Stages before this one that read in goroutines of their own must not use the same session.
//   - Limits: documents of 16 MiB; batches of 100,000 documents and messages of 48,000,000 bytes are never exceeded; for a
//     server that takes less, the driver divides them (https://www.mongodb.com/docs/manual/reference/limits/).
func Insert(coll Inserter, opts *InsertOptions) stream.Sink[bson.Raw, InsertResult] {
	in := inserting{coll: coll}
	if opts != nil {
		in.opts = *opts
	}
	err := in.check()
	given := in.opts.Parallelism != 0
	in.opts.defaults()
	return stream.SinkFunc[bson.Raw, InsertResult](func(ctx context.Context, src stream.Source[bson.Raw]) (InsertResult, error) {
		if err != nil {
			return InsertResult{}, err
		}
		if n := in.opts.Parallelism; n > 1 && given && mongo.SessionFromContext(ctx) != nil {
			return InsertResult{}, in.wrong(fmt.Errorf("%d batches in flight, and a session in the context, which serves one at a time: Parallelism must be 0 or 1", n))
		}
		return in.consume(ctx, src)
	})
}

type inserting struct {
	coll Inserter
	opts InsertOptions
}

// cloner is a collection that can be had with other options.
type cloner interface {
	Clone(opts ...options.Lister[options.CollectionOptions]) *mongo.Collection
}

func (in *inserting) check() error {
	if in.coll == nil {
		return errNilCollection
	}
	if c, ok := in.coll.(*mongo.Collection); ok && c == nil {
		return errNilCollection
	}
	if err := in.opts.check(); err != nil {
		return in.wrong(err)
	}
	if _, ok := in.coll.(cloner); !ok && in.opts.WriteConcern != nil {
		return in.wrong(fmt.Errorf("a write concern needs a collection with the method Clone, %T has none", in.coll))
	}
	return nil
}

var errNilCollection = stream.Mark(errors.New("mongosink: insert: the collection is nil"), stream.Fatal)

// wrong is the error of settings that cannot work.
func (in *inserting) wrong(err error) error { return stream.Mark(in.fail(err), stream.Fatal) }

// fail says where err happened.
func (in *inserting) fail(err error) error {
	return fmt.Errorf("mongosink: insert%s: %w", mongoerr.Namespace(in.coll), err)
}

func (in *inserting) consume(ctx context.Context, src stream.Source[bson.Raw]) (InsertResult, error) {
	coll := in.coll
	if in.opts.WriteConcern != nil {
		coll = coll.(cloner).Clone(options.Collection().SetWriteConcern(in.opts.WriteConcern))
	}
	r := &run{inserting: *in, coll: coll, work: make(chan *batch), idle: make(chan struct{})}
	r.alone = mongo.SessionFromContext(ctx) != nil
	err := r.consume(ctx, src)
	return r.tally.result, r.tally.complete(in, err)
}
