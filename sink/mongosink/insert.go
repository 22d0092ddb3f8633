// Package mongosink writes to MongoDB: it makes sinks of collections, with the official driver.
//
// # Stored byte for byte
//
// Documents are stored unchanged. A document without an _id gets an ObjectID as its first field. A
// document that servers would change is an error before it is sent: one whose _id is not its first
// field (see [InsertOptions].MoveID), and one with a top-level Timestamp(0, 0), unless the server
// proved that it keeps the value (see AllowEmptyTimestamps). A batch with a document that has two
// equal keys, or another form that servers other than MongoDB change in the body of a command, is
// left to the driver, at its cost. This package cannot see changes that a
// collection itself makes, such as those of a time series.
//
// # Repetitions
//
// The sink builds its commands itself, and the driver sends each once. A batch that gets no reply,
// or that the server cannot execute now, is sent again until RetryTimeout. A server with retryable
// writes recognizes it by its number. For another one the _ids identify the documents: every
// document has its _id before its batch is first sent. A time series has no index on _id, so such a
// server gets its batches once.
//
// If the last attempt is not answered either, the sink reads the documents back by their _ids and
// compares them. Only what this does not prove counts as Unknown.
//
// A server may execute a lost attempt late. After a lost attempt, an ordered run sends no later write
// to the same document: it ends with [ErrOutcomeUnknown]. Without retryable writes, it ends at once if
// the lost batch changes a document twice, if the collection is capped, or if the server does not say
// whether it is.
//
// With retryable writes, a lost attempt is harmless if its batch is sent again and each statement
// changes a document: the server remembers those. Otherwise a later write supersedes it by its higher
// number. So the run goes on with writes that have a number, and sends others to the same document
// only after a replica set has executed a later write that changes one. UpdateMany, DeleteMany and
// what is left to the driver have no number. Each batch of [InsertReceipts] and [WriteReceipts] has
// its own session, so no later batch supersedes a lost attempt.
//
// A deadline of the context ends the run. The sink hides it from the driver, which would stop
// before the server's reason is known. A server that accepts a batch and never answers blocks the
// run until a deadline, a cancellation or a time limit of the client (SetTimeout).
//
// # Duplicates
//
// A document whose _id exists already is compared with the stored one. With the same bytes it
// counts as AlreadyThere, so an interrupted run can run again. With other bytes it is refused
// ([ErrConflict]).
//
// # Replication lag
//
// With [InsertOptions].MaxLag, the sink asks once a second how far the secondaries are behind. While
// that is too far, each batch waits before it is sent: 10 ms at first, twice as long after each
// measurement, up to 10 seconds. Below the limit, the wait is halved each time. A secondary that is
// stuck slows the run down, and does not end it.
//
// The slowest secondary counts, except for those that are down, recover, or are delayed by their
// configuration. The server says so by replSetGetStatus and replSetGetConfig, to a user with the role
// clusterMonitor. For other users, the lag is that of a majority, which hello states. A batch with a
// write concern of majority waits for these anyway, so give the user the role.
//
// # Errors after a possible write
//
// An error is Retryable or Throttled only if a second run stores nothing twice: nothing is stored,
// or every stored document came with its own _id. Otherwise its class is UnknownOutcome. It is also
// UnknownOutcome in an ordered run of [Bulk] if the server may execute a lost attempt late.
package mongosink

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// InsertResult counts the outcomes of an insert, even if it failed. Every document that was sent is
// in exactly one of Inserted, AlreadyThere, Failed and Unknown, with two exceptions. None of them
// counts the documents of an ordered batch after the one that failed, and those of a batch of which
// the server executed nothing.
type InsertResult struct {
	Inserted     int64 // documents that are stored under the write concern
	AlreadyThere int64 // documents that were stored before, with the same bytes
	Failed       int64 // documents that the server refused

	// Unknown counts documents that may be stored: the reply was lost, was cut off or contradicts
	// itself, or the write concern was not met, and reading back proved nothing.
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
//   - Errors: [*InsertError] lists the documents that the server refused, [ErrDuplicate] and
//     [ErrConflict] among them; [*DocumentError] for a document that is not sent;
//     [ErrOutcomeUnknown] if documents may be stored or not. An error of the upstream is returned
//     unchanged.
//   - Failure: inserted documents stay. Nothing more is sent, and batches in flight have 10 seconds
//     to be answered. A cancellation cuts them off.
//   - Sessions: a session in the context serves one goroutine. Batches are then sent one by one,
//     between two elements of the input, and Parallelism must be 0 or 1. Stages before this one
//     must not use that session on other goroutines.
//   - Limits: documents of 16 MiB, batches of 100,000 documents and 16 MiB. For a server that takes
//     less, as its hello says, batches are smaller
//     (https://www.mongodb.com/docs/manual/reference/limits/).
func Insert(coll *mongo.Collection, opts *InsertOptions) stream.Sink[bson.Raw, InsertResult] {
	return insertInto(targetOf(coll), opts)
}

func insertInto(t target, opts *InsertOptions) stream.Sink[bson.Raw, InsertResult] {
	w, err := newInsert(t, opts, "insert", "Insert")
	type documents = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, InsertResult](func(ctx context.Context, src documents) (InsertResult, error) {
		if err != nil {
			return InsertResult{}, err
		}
		r, err := w.run(ctx, func(ctx context.Context, r *run) error {
			return guarded.EachAtOnce(ctx, src, func(doc bson.Raw) error { return r.add(ctx, doc) })
		})
		return insertResult(r), err
	})
}

// insertResult returns the counts of a run that only inserted.
func insertResult(r WriteResult) InsertResult {
	return InsertResult{r.Inserted, r.AlreadyThere, r.Failed, r.Unknown, r.Bytes, r.Batches}
}

func newInsert(t target, opts *InsertOptions, name, stage string) (*writing, error) {
	w := &writing{target: t, name: name, stage: stage, onlyInserts: true}
	var o InsertOptions
	if opts != nil {
		o = *opts
	}
	if t.bad != nil {
		return nil, w.invalid(t.bad)
	}
	if err := o.check(); err != nil {
		return nil, w.invalid(err)
	}
	w.given = o.Parallelism != 0
	o.defaults()
	w.batchDocuments, w.batchBytes, w.parallelism = o.BatchDocuments, o.BatchBytes, o.Parallelism
	w.ordered, w.continues, w.retryTimeout = o.Ordered, o.ContinueOnError || o.Refused != nil, o.RetryTimeout
	w.letters, w.maxLetters, w.maxLag = o.Refused, o.MaxRefused, o.MaxLag
	w.moveID, w.anyTimestamp, w.progress = o.MoveID, o.AllowEmptyTimestamps, o.Progress
	w.settings.comment, w.settings.bypass = o.Comment, o.BypassDocumentValidation
	if err := w.setConcern(o.WriteConcern); err != nil {
		return nil, w.invalid(err)
	}
	w.settings.collection = t.collection
	if _, err := w.settings.header(inserts); err != nil {
		return nil, w.invalid(err)
	}
	return w, nil
}
