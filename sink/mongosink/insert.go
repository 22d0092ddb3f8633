// Package mongosink writes to MongoDB: it makes sinks of collections, with the official driver.
//
// # Stored byte for byte
//
// Documents are stored unchanged. A document without an _id gets an ObjectID as its first field. A
// document that servers would change is an error before it is sent: one whose _id is not its first
// field (see [InsertOptions].MoveID), and one with a top-level Timestamp(0, 0), unless the server
// proved that it keeps the value (see AllowEmptyTimestamps). This package cannot see changes that a
// collection itself makes, such as those of a time series.
//
// # Repetitions
//
// If the server supports retryable writes, the driver repeats a batch once; a client with a time
// limit (SetTimeout) repeats as often as the limit allows. If a batch found no connection, because
// the failure of another batch closed it, the sink sends the batch again, up to five times. Every
// document has its _id before its batch is first sent, so a collection with an index on _id stores
// no document twice. (Time series have no such index.) A document with a duplicate key in a batch
// that the sink sent again counts as Unknown, or as Inserted if the key is an _id that the sink
// made and the batch is not Ordered.
//
// A deadline of the context ends the run. The sink hides it from the driver, which would repeat a
// command until the deadline. A server that accepts a batch and never answers blocks the run until
// a deadline, a cancellation or a time limit of the client.
//
// # Errors after a possible write
//
// Once documents may be stored, no error is Retryable or Throttled, whether it comes from the
// upstream, the server or a time limit. Its class is then UnknownOutcome, because a second run
// could store the documents twice. If the server refuses a whole batch for another reason than its
// content, for example a missing right, the error is [ErrOutcomeUnknown]: an earlier attempt of the
// driver may have succeeded.
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

// Inserter runs batches of writes, as [*mongo.Collection] does. The method is BulkWrite and not
// InsertMany because only the result of BulkWrite has the count of the server's reply.
//
// Errors contain the name of an Inserter that has the methods Name() string and Database()
// *mongo.Database. [InsertOptions].WriteConcern needs the method
// Clone(...options.Lister[options.CollectionOptions]) *mongo.Collection.
//
// BulkWrite must send a batch in one command. The driver divides a batch that exceeds the server's
// limits, so the sink asks Database() for them before its first batch. An Inserter without that
// method gets what the options say.
//
// A panic of BulkWrite becomes [ErrOutcomeUnknown] with a [*stream.PanicError] as its cause. The
// driver panics if a reply counts or numbers documents that were not sent, and may then hold a
// lock: do not use its client again. mongosource.Guard refuses other replies that make the driver
// panic.
type Inserter interface {
	BulkWrite(ctx context.Context, models []mongo.WriteModel,
		opts ...options.Lister[options.BulkWriteOptions]) (*mongo.BulkWriteResult, error)
}

// InsertResult counts the outcomes of an insert, even if it failed. Every document that was sent is
// in exactly one of Inserted, Failed and Unknown, with two exceptions. None of them counts the
// documents of an ordered batch after the one that failed, and those of a batch that the server
// refused as a whole for its content.
type InsertResult struct {
	Inserted int64 // documents that are stored under the write concern, as the server's replies prove
	Failed   int64 // documents that the server refused

	// Unknown counts documents that may be stored: the reply was lost, was cut off or contradicts
	// itself, or it refused what may have been a second attempt.
	Unknown int64

	Bytes   int64 // of the inserted documents, as BSON
	Batches int64 // batches with a reply
}

// Insert returns a sink that inserts its input into coll in batches, several of them in flight.
//
//   - In: BSON documents, stored byte for byte (see the package comment).
//   - Result: the counts of [InsertResult], also with an error.
//   - Memory: (Parallelism+1) × (BatchBytes, or one larger document), and two copies of each batch
//     in flight in the driver. With a [stream.Budget], as many batches as fit, at least one. If
//     Parallelism is set, a budget of fewer than Parallelism batches is an error.
//   - Order and goroutines: Parallelism goroutines send batches, in any order. All have ended when
//     the run returns. With Ordered, one batch is sent at a time, in the order of the input.
//   - Errors: [*InsertError] lists the documents that the server refused, [ErrDuplicate] among
//     them; [*DocumentError] for a document that is not sent; [ErrOutcomeUnknown] if documents may
//     be stored or not. An error of the upstream is returned unchanged.
//   - Failure: inserted documents stay. Nothing more is sent, and batches in flight have 10 seconds
//     to be answered. A cancellation cuts them off.
//   - Sessions: a session in the context serves one goroutine. Batches are then sent one by one,
//     between two elements of the input, and Parallelism must be 0 or 1. Stages before this one
//     must not use that session on other goroutines.
//   - Limits: documents of 16 MiB, batches of 100,000 documents, messages of 48,000,000 bytes. For
//     a server that takes less, as its hello says, batches are smaller
//     (https://www.mongodb.com/docs/manual/reference/limits/).
func Insert(coll Inserter, opts *InsertOptions) stream.Sink[bson.Raw, InsertResult] {
	in := insertion{coll: coll}
	if opts != nil {
		in.opts = *opts
	}
	err := in.check()
	in.given = in.opts.Parallelism != 0
	in.opts.defaults()
	type documents = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, InsertResult](func(ctx context.Context, src documents) (InsertResult, error) {
		if err != nil {
			return InsertResult{}, err
		}
		if n := in.opts.Parallelism; n > 1 && in.given && mongo.SessionFromContext(ctx) != nil {
			return InsertResult{}, in.invalid(fmt.Errorf("%d batches in flight, and a session in the context, "+
				"which serves one at a time: Parallelism must be 0 or 1", n))
		}
		return in.consume(ctx, src)
	})
}

type insertion struct {
	coll  Inserter
	opts  InsertOptions
	given bool // Parallelism was not 0
}

// cloner is a collection that can return a copy of itself with other options.
type cloner interface {
	Clone(opts ...options.Lister[options.CollectionOptions]) *mongo.Collection
}

func (in *insertion) check() error {
	if in.coll == nil {
		return errNilCollection
	}
	if c, ok := in.coll.(*mongo.Collection); ok && c == nil {
		return errNilCollection
	}
	if err := in.opts.check(); err != nil {
		return in.invalid(err)
	}
	if _, ok := in.coll.(cloner); !ok && in.opts.WriteConcern != nil {
		return in.invalid(fmt.Errorf("a write concern needs a collection with the method Clone, %T has none", in.coll))
	}
	return nil
}

var errNilCollection = stream.Mark(errors.New("mongosink: insert: the collection is nil"), stream.Fatal)

// invalid marks an error of settings that cannot work.
func (in *insertion) invalid(err error) error { return stream.Mark(in.fail(err), stream.Fatal) }

// fail adds the name of the collection to err.
func (in *insertion) fail(err error) error {
	return fmt.Errorf("mongosink: insert%s: %w", mongoerr.Namespace(in.coll), err)
}

func (in *insertion) consume(ctx context.Context, src stream.Source[bson.Raw]) (InsertResult, error) {
	coll := in.coll
	if in.opts.WriteConcern != nil {
		coll = coll.(cloner).Clone(options.Collection().SetWriteConcern(in.opts.WriteConcern))
	}
	r := &run{insertion: *in, coll: coll, work: make(chan *batch), workersDone: make(chan struct{})}
	r.sequential = mongo.SessionFromContext(ctx) != nil
	r.account = in.opts.openAccount(ctx, in.given)
	defer r.account.Close()
	err := r.consume(ctx, src)
	return r.tally.result, r.tally.finalError(in, err)
}
