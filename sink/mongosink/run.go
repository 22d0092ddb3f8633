package mongosink

import (
	"context"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
	"github.com/millweir/millweir/stream"
)

// grace is how long batches in flight may wait for their replies after the run has failed.
const grace = 10 * time.Second

// run is one run of an [Insert].
type run struct {
	insertion
	coll    Inserter
	work    chan *batch
	tally   tally
	account *stream.Account

	batch      *batch // being filled
	count      int64  // documents received
	timestamps emptyTimestamps
	sequential bool // no workers: each batch is sent on the goroutine that filled it

	workers     atomic.Int32  // running workers
	workersDone chan struct{} // closed when all workers have ended
}

// batch holds the documents of one command.
type batch struct {
	first     int64 // index of the first document in the input
	docs      []bson.Raw
	bytes     int    // of docs
	withoutID []bool // for each of docs, whether it gets an _id when it is sent
	idBytes   int    // of these _ids
	ordered   bool   // the server stops at the first document that it refuses
	resent    bool   // the driver got the batch more than once
	memory    int64  // taken from the account

	// What the driver gets.
	models []mongo.WriteModel // docs, each with an _id
	opts   *options.BulkWriteOptionsBuilder

	keepTimestamps bool // a document has a Timestamp(0, 0), which the server must keep
}

func (r *run) consume(ctx context.Context, src stream.Source[bson.Raw]) error {
	if r.sequential {
		return r.fill(ctx, src)
	}
	sending, cut := context.WithCancel(ctx)
	defer cut()
	g, ctx := stream.NewGroup(ctx)
	r.workers.Store(int32(r.opts.Parallelism))
	for range r.opts.Parallelism {
		g.Go(func() error { return r.send(ctx, sending) })
	}
	g.Go(func() error {
		select {
		case <-r.workersDone:
			return nil
		case <-ctx.Done():
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-r.workersDone:
		case <-timer.C:
			cut()
		}
		return nil
	})
	return g.Do(func() error {
		if err := r.fill(ctx, src); err != nil {
			return err
		}
		close(r.work)
		return nil
	})
}

// fill collects the input in batches.
func (r *run) fill(ctx context.Context, src stream.Source[bson.Raw]) error {
	if err := src.Each(ctx, func(doc bson.Raw) error { return r.add(ctx, doc) }); err != nil {
		return err
	}
	return r.flush(ctx)
}

// add puts doc into the batch and passes on full batches.
func (r *run) add(ctx context.Context, doc bson.Raw) error {
	doc, l, err := r.prepare(ctx, doc)
	if err != nil {
		return err
	}
	if r.count == 0 {
		if err := r.fitServer(ctx); err != nil {
			return err
		}
	}
	if b := r.batch; b != nil && len(doc) > r.opts.BatchBytes-b.bytes-b.idBytes {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	memory := memoryOf(len(doc) + l.missing())
	if err := r.account.Acquire(ctx, memory); err != nil {
		return err
	}
	if r.batch == nil {
		r.batch = &batch{first: r.count, ordered: r.opts.Ordered}
	}
	r.batch.memory += memory
	r.batch.add(doc, l)
	if l.emptyTimestamp && r.timestamps.unproven == nil {
		r.batch.keepTimestamps = true
	}
	r.count++
	if len(r.batch.docs) == r.opts.BatchDocuments || r.batch.bytes+r.batch.idBytes >= r.opts.BatchBytes {
		return r.flush(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// flush passes the batch to a worker, or sends it if there are no workers.
func (r *run) flush(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.batch == nil {
		return nil
	}
	if r.sequential {
		b := r.batch
		r.batch = nil
		return r.insert(ctx, b)
	}
	select {
	case r.work <- r.batch:
		r.batch = nil
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send inserts batches until there are no more or the run has failed.
func (r *run) send(ctx, sending context.Context) error {
	defer func() {
		if r.workers.Add(-1) == 0 {
			close(r.workersDone)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case b, ok := <-r.work:
			if !ok {
				return nil
			}
			if err := r.insert(sending, b); err != nil {
				return err
			}
		}
	}
}

// insert sends b and counts the outcome.
func (r *run) insert(ctx context.Context, b *batch) error {
	defer r.account.Release(b.memory)
	opts, err := r.opts.driver(b)
	if err != nil {
		return r.fail(err) // nothing was sent
	}
	b.models, b.opts = b.writeModels(), opts
	return r.write(ctx, b)
}

// write sends b, again if there was no connection for it, and counts the outcome.
func (r *run) write(ctx context.Context, b *batch) error {
	sending, done := mongowait.WithoutDeadline(ctx)
	defer done()
	res, err := bulkWrite(sending, r.coll, b.models, b.opts)
	for range maxResends {
		if !poolCleared(err) || ctx.Err() != nil {
			break
		}
		b.resent = true
		res, err = bulkWrite(sending, r.coll, b.models, b.opts)
	}
	if refusal, ok := r.refusedAsWhole(ctx, err); ok {
		return r.bisect(ctx, b, refusal)
	}
	return r.settle(ctx, b, res, err)
}

// bulkWrite calls coll.BulkWrite and returns a panic as an error. The driver indexes models by
// numbers of the server's reply. When it panics, the server may have stored the documents.
func bulkWrite(
	ctx context.Context, coll Inserter, models []mongo.WriteModel, opts *options.BulkWriteOptionsBuilder,
) (res *mongo.BulkWriteResult, err error) {
	defer mongoerr.Recover(&err)
	return coll.BulkWrite(ctx, models, opts)
}

// add puts a document into the batch.
func (b *batch) add(doc bson.Raw, l layout) {
	b.docs = append(b.docs, doc)
	b.bytes += len(doc)
	b.withoutID = append(b.withoutID, l.ids == 0)
	b.idBytes += l.missing()
}

// writeModels returns the batch in the driver's form.
func (b *batch) writeModels() []mongo.WriteModel {
	inserts := make([]mongo.InsertOneModel, len(b.docs))
	models := make([]mongo.WriteModel, len(b.docs))
	for i, doc := range b.docs {
		if b.withoutID[i] {
			doc = withID(doc)
		}
		inserts[i].Document = doc
		models[i] = &inserts[i]
	}
	return models
}
