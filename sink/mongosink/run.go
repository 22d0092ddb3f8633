package mongosink

import (
	"context"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// grace is how long batches in flight may wait for their replies after the run has failed.
const grace = 10 * time.Second

// run is one run of a sink.
type run struct {
	writing
	headers [verbs][]byte
	server  server
	work    chan *batch
	tally   tally
	account *stream.Account

	batch      *batch // being filled
	count      int64  // documents received
	timestamps emptyTimestamps
	sequential *worker // sends each batch on the goroutine that filled it, if there is a session

	workers     atomic.Int32  // running workers
	workersDone chan struct{} // closed when all workers have ended
}

func (r *run) consume(ctx context.Context, src stream.Source[bson.Raw]) error {
	if mongo.SessionFromContext(ctx) != nil {
		r.sequential = &worker{run: r, stopped: ctx.Done()}
		return r.fill(ctx, src)
	}
	sending, cut := context.WithCancel(ctx)
	defer cut()
	g, ctx := stream.NewGroup(ctx)
	r.workers.Store(int32(r.parallelism))
	for range r.parallelism {
		g.Go(func() error {
			w := &worker{run: r, stopped: ctx.Done()}
			defer w.close(sending)
			return w.loop(ctx, sending)
		})
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
		if err := r.askServer(ctx); err != nil {
			return err
		}
	}
	if b := r.batch; b != nil && (len(doc) > r.batchBytes-b.bytes-b.generated || !b.fits(len(doc)+idBytes)) {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	memory := memoryOf(len(doc) + l.missing())
	if err := r.account.Acquire(ctx, memory); err != nil {
		return err
	}
	if r.batch == nil {
		r.batch = &batch{verb: inserts, ordered: r.ordered}
		r.batch.begin(r.headers[inserts])
	}
	r.batch.memory += memory
	mayChange := l.emptyTimestamp && r.timestamps.unproven != nil
	r.batch.insert(r.count, doc, l, mayChange)
	r.batch.keepTimestamps = r.batch.keepTimestamps || l.emptyTimestamp && !mayChange
	r.count++
	if len(r.batch.statements) >= r.batchDocuments || r.batch.bytes+r.batch.generated >= r.batchBytes {
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
	if r.sequential != nil {
		b := r.batch
		r.batch = nil
		return r.sequential.finish(ctx, b)
	}
	select {
	case r.work <- r.batch:
		r.batch = nil
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
