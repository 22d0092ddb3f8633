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
	shared
	headers [verbs][]byte
	server  server
	work    chan *batch
	tally   tally
	account *stream.Account

	open       [verbs]*batch // being filled
	openSize   int           // bytes of their statements
	openCount  int           // statements in them
	bodySize   int           // about the size of the last batch's command
	count      int64         // elements received
	offset     int64         // added to count, the index of the next element in the caller's input
	walker     walker        // of the documents that are inserted
	timestamps emptyTimestamps
	sequential *worker // sends each batch on the goroutine that filled it, if there is a session

	workers     atomic.Int32  // running workers
	workersDone chan struct{} // closed when all workers have ended
}

func (r *run) consume(ctx context.Context, fill func(context.Context, *run) error) error {
	if mongo.SessionFromContext(ctx) != nil {
		r.sequential = &worker{run: r, stopped: ctx.Done()}
		return r.fill(ctx, fill)
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
		if err := r.fill(ctx, fill); err != nil {
			return err
		}
		close(r.work)
		return nil
	})
}

// fill collects the input in batches.
func (r *run) fill(ctx context.Context, fill func(context.Context, *run) error) error {
	if err := fill(ctx, r); err != nil {
		return err
	}
	return r.flush(ctx)
}

// add puts an insert of doc into the batch and passes on full batches.
func (r *run) add(ctx context.Context, doc bson.Raw) error {
	doc, l, err := r.prepare(ctx, doc)
	if err != nil {
		return err
	}
	b, err := r.room(ctx, inserts, len(doc)+l.missing())
	if err != nil {
		return err
	}
	mayChange := l.emptyTimestamp && r.timestamps.unproven != nil
	b.insert(r.index(), doc, l, mayChange)
	b.keepTimestamps = b.keepTimestamps || l.emptyTimestamp && !mayChange
	return r.added(ctx)
}

// index returns the index of the next element in the caller's input.
func (r *run) index() int64 { return r.count + r.offset }

// room returns a batch that takes a statement of size bytes. The open batches together are no larger
// than one may be.
func (r *run) room(ctx context.Context, v verb, size int) (*batch, error) {
	if r.count == 0 {
		if err := r.askServer(ctx); err != nil {
			return nil, err
		}
	}
	b := r.open[v]
	if r.openCount > 0 && (size > r.batchBytes-r.openSize || b != nil && !b.fits(size) || b == nil && r.ordered) {
		if err := r.flush(ctx); err != nil {
			return nil, err
		}
		b = nil
	}
	memory := memoryOf(size)
	if err := r.account.Acquire(ctx, memory); err != nil {
		return nil, err
	}
	if b == nil {
		b = &batch{verb: v, ordered: r.ordered}
		b.begin(r.headers[v], r.bodySize)
		r.open[v] = b
	}
	b.memory += memory
	r.openSize += size
	return b, nil
}

// added counts one more statement.
func (r *run) added(ctx context.Context) error {
	r.count++
	r.openCount++
	if r.openCount >= r.batchDocuments || r.openSize >= r.batchBytes {
		return r.flush(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// flush passes the open batches to a worker, or sends them if there are no workers.
func (r *run) flush(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for v, b := range r.open {
		if b == nil || len(b.statements) == 0 {
			continue
		}
		r.bodySize = b.end + trailer
		if r.sequential != nil {
			r.open[v] = nil
			if err := r.sequential.finish(ctx, b); err != nil {
				return err
			}
			continue
		}
		select {
		case r.work <- b:
			r.open[v] = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.openSize, r.openCount = 0, 0
	return nil
}
