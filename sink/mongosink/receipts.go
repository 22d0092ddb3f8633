package mongosink

import (
	"context"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/ending"
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
// the begin of the batch. A batch that waits has at most BatchBytes, or one larger document. A
// transient error has the class UnknownOutcome if a batch without a receipt was executed, and a
// second run would store its documents twice. Refused and MaxRefused apply to the whole run. The run
// must have no session in its context, unless Parallelism is 1.
func InsertReceipts[P any](coll *mongo.Collection, opts *InsertOptions,
) stream.Flow[stream.Envelope[bson.Raw, stream.Checkpoint[P]], stream.Envelope[InsertResult, stream.Checkpoint[P]]] {
	w, err := newInsert(targetOf(coll), opts, "insert", "Insert")
	return receipts[P](w, err, receiptsOf[bson.Raw, InsertResult]{
		size:   func(doc bson.Raw) int { return len(doc) },
		add:    func(ctx context.Context, r *run, doc bson.Raw) error { return r.add(ctx, doc) },
		result: insertResult,
	})
}

// WriteReceipts is [Bulk] as a flow, as [InsertReceipts] is Insert.
func WriteReceipts[P any](coll *mongo.Collection, opts *WriteOptions,
) stream.Flow[stream.Envelope[Write, stream.Checkpoint[P]], stream.Envelope[WriteResult, stream.Checkpoint[P]]] {
	w, err := newBulk(coll, opts, "bulk", "Bulk")
	return receipts[P](w, err, writeReceipts)
}

var writeReceipts = receiptsOf[Write, WriteResult]{
	size:   func(w Write) int { return w.size() },
	add:    func(ctx context.Context, r *run, w Write) error { return addWrite(ctx, r, &w) },
	result: func(r WriteResult) WriteResult { return r },
}

// receiptsOf describes the elements T of a flow, and its results R.
type receiptsOf[T, R any] struct {
	size   func(T) int // bytes
	add    func(context.Context, *run, T) error
	result func(WriteResult) R
}

// executedBatch is the result of a batch that has no receipt yet.
type executedBatch[R any] struct {
	result R
	again  repetition
}

// receipts runs w over batches, several at once, and emits their results in order. bad is why w
// cannot be used.
func receipts[P, T, R any](w *writing, bad error, of receiptsOf[T, R],
) stream.Flow[stream.Envelope[T, stream.Checkpoint[P]], stream.Envelope[R, stream.Checkpoint[P]]] {
	type in = stream.Envelope[T, stream.Checkpoint[P]]
	type out = stream.Envelope[R, stream.Checkpoint[P]]
	return stream.NewFlow(func(ctx context.Context, src stream.Source[in], emit func(out) error) error {
		if bad != nil {
			return bad
		}
		if err := w.checkSession(ctx); err != nil {
			return err
		}
		each := *w
		each.parallelism, each.progress, each.perBatch = 1, nil, true
		common := w.shared()
		var open unreceipted
		store := func(ctx context.Context, elements []T) (executedBatch[R], error) {
			r, err := each.runOnce(ctx, common, func(ctx context.Context, r *run) error {
				for _, v := range elements {
					if err := of.add(ctx, r, v); err != nil {
						return err
					}
				}
				return nil
			})
			again := r.tally.repetition()
			open[again].Add(1)
			return executedBatch[R]{of.result(r.tally.result), again}, err
		}
		var down error // of emit
		err := stream.Via2(src, stream.CarryBatch(batchesOf(w, of.size, func(e in) T { return e.Value })),
			stream.MapParallel(w.workersIn(ctx), stream.OnValue[stream.Checkpoint[P]](store)),
		).Each(ctx, func(e stream.Envelope[executedBatch[R], stream.Checkpoint[P]]) error {
			if down = emit(out{Value: e.Value.result, Context: e.Context}); down == nil {
				open[e.Value.again].Add(-1)
			}
			return down
		})
		ofEmit := down != nil && ending.Is(err, down)
		if !ofEmit && stream.ClassOf(err).Transient() &&
			(common.mayOverturn(w.onlyInserts) || !open.repeatable(ctx, &each)) {
			return stream.Mark(err, stream.UnknownOutcome)
		}
		return err
	})
}

// batchesOf returns a flow of batches of at most BatchDocuments elements and BatchBytes bytes.
func batchesOf[E, T any](w *writing, size func(T) int, value func(E) T) stream.Flow[E, []E] {
	least := max(w.batchBytes/w.batchDocuments, 1)
	return stream.BatchBytesWithin(min(least*w.batchDocuments, w.batchBytes), receiptDelay,
		func(e E) int { return max(size(value(e)), least) })
}

// unreceipted counts the batches of a run that were executed and have no receipt, by whether they
// can be repeated.
type unreceipted [repetitions]atomic.Int64

// repeatable reports whether a second run from the last receipt stores nothing twice. All batches
// have ended.
func (u *unreceipted) repeatable(ctx context.Context, w *writing) bool {
	return u[never].Load() == 0 && (u[byID].Load() == 0 || (&run{writing: *w}).uniqueIDs(ctx))
}
