package mongosink

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// receiptDelay is how long a document waits for a full batch.
const receiptDelay = time.Second

// InsertReceipts returns [Insert] as a flow: it emits a receipt for each batch that is stored, in the
// order of the input. The receipt has the position of the batch's last document, and everything up to
// it is stored. So a position is acknowledged after the documents are stored:
//
//	docs := mongosource.ScanCheckpoints(from, bson.D{}, &mongosource.ScanOptions{After: saved})
//	stream.Run(ctx, stream.Via(docs, mongosink.InsertReceipts[mongosource.Position](to, nil)),
//		stream.Acknowledge[mongosink.InsertResult](save))
//
// A document waits at most one second for a full batch. The first batch that fails ends the run, and
// no later batch has a receipt, although some may be stored. After a restart at the saved position
// they are [InsertResult].AlreadyThere, if the documents have _ids.
//
// Memory, limits and errors are those of Insert and [stream.MapParallel], where an index counts from
// the begin of the batch. The run must have no session in its context, unless Parallelism is 1.
func InsertReceipts[P any](coll *mongo.Collection, opts *InsertOptions,
) stream.Flow[stream.Envelope[bson.Raw, stream.Checkpoint[P]], stream.Envelope[InsertResult, stream.Checkpoint[P]]] {
	var o InsertOptions
	if opts != nil {
		o = *opts
	}
	batch, workers := shape(o.BatchDocuments, o.Parallelism, o.Ordered)
	if o.Parallelism > 1 {
		o.Parallelism = 1
	}
	return receipts[P](Insert(coll, &o), batch, workers)
}

// WriteReceipts is [Bulk] as a flow, as [InsertReceipts] is Insert.
func WriteReceipts[P any](coll *mongo.Collection, opts *WriteOptions,
) stream.Flow[stream.Envelope[Write, stream.Checkpoint[P]], stream.Envelope[WriteResult, stream.Checkpoint[P]]] {
	var o WriteOptions
	if opts != nil {
		o = *opts
	}
	batch, workers := shape(o.BatchDocuments, o.Parallelism, o.Ordered)
	if o.Parallelism > 1 {
		o.Parallelism = 1
	}
	return receipts[P](Bulk(coll, &o), batch, workers)
}

// shape returns the size of a batch and the number of batches in flight.
func shape(documents, parallelism int, ordered bool) (batch, workers int) {
	o := InsertOptions{BatchDocuments: documents, Parallelism: parallelism, Ordered: ordered}
	if o.check() != nil {
		return 1, 1 // the sink reports it
	}
	o.defaults()
	return o.BatchDocuments, o.Parallelism
}

// receipts runs sink over batches, several at once, and emits their results in order.
func receipts[P, T, R any](sink stream.Sink[T, R], batch, workers int,
) stream.Flow[stream.Envelope[T, stream.Checkpoint[P]], stream.Envelope[R, stream.Checkpoint[P]]] {
	store := func(ctx context.Context, elements []T) (R, error) {
		return sink.Consume(ctx, stream.SourceFunc[T](func(_ context.Context, emit func(T) error) error {
			for _, v := range elements {
				if err := emit(v); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return stream.Then(
		stream.CarryBatch(stream.BatchWithin[stream.Envelope[T, stream.Checkpoint[P]]](batch, receiptDelay)),
		stream.MapParallel(workers, stream.OnValue[stream.Checkpoint[P]](store)),
	)
}
