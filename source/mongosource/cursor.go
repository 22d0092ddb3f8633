package mongosource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// closeTimeout limits the request that closes a cursor, so that a cancelled run ends within a
// second.
var closeTimeout = 700 * time.Millisecond

// cursor reads the batches of one query.
type cursor struct {
	query   *query
	wait    *waitBudget
	empty   emptyBatches
	drained <-chan struct{} // closed when the run is drained; nil if it cannot be
	account *stream.Account // of the run; nil without a budget

	cur       *mongo.Cursor  // nil until open has succeeded
	session   *mongo.Session // of cur, if the source keeps it alive
	noSession error          // why there is none
	copiers   copiers
	before    extent // the batch before, if its documents are not copied
	bytes     int    // of the last batch
	read      int64  // documents
	broken    bool   // the driver panicked, so it may still hold a lock
	cut       bool   // the query may be under way: its reply did not come
}

// errNoSession says that a snapshot cannot be read. The query would read the present documents.
var errNoSession = errors.New("the client gives no session for the snapshot")

// open sends the query.
func (c *cursor) open(ctx context.Context) error {
	if c.session == nil && c.query.at != (bson.Timestamp{}) {
		return c.query.fail(cmp.Or(c.noSession, errNoSession))
	}
	longer, done := opening(ctx)
	defer done()
	err := c.wait.call(longer, func(ctx context.Context) (err error) {
		defer mongoerr.Recover(&err)
		c.cur, err = c.query.open(ctx, c.firstBatch())
		return err
	})
	c.cut = err != nil && mayRun(err) && !mongoerr.Panicked(err) &&
		(ctx.Err() != nil || mongo.IsTimeout(err) || mongo.IsNetworkError(err))
	switch {
	case ctx.Err() != nil && !mongoerr.Panicked(err):
		return context.Cause(ctx)
	case errors.Is(err, ErrMaxTime):
		return c.query.fail(err)
	case err != nil:
		return c.query.fail(classify(c.query.probe.explain(ctx, err)))
	case c.cur == nil:
		return c.query.invalid(errors.New("the collection returned neither a cursor nor an error"))
	}
	return nil
}

// next returns the next batch, which the caller owns. With an error, it returns the documents
// before it. At the end of the cursor, and when the run is drained, the error is errEnd.
func (c *cursor) next(ctx context.Context) (docs []bson.Raw, err error) {
	for {
		select {
		case <-c.drained:
			return nil, errEnd
		default:
		}
		asked := time.Now()
		ok, err := c.wait.next(ctx, c.cur)
		switch {
		case ok:
			c.empty.reset()
			return c.batch(ctx)
		case err == nil && c.cur.ID() == 0:
			return nil, errEnd
		case err == nil:
			pause, err := c.empty.next(time.Since(asked))
			if err != nil {
				return nil, c.lost(ctx, err)
			}
			sleep(ctx, pause, c.drained)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
		default:
			return nil, c.lost(ctx, err)
		}
	}
}

// batch returns the rest of the batch whose first document the driver has made current.
func (c *cursor) batch(ctx context.Context) (docs []bson.Raw, err error) {
	docs, err = c.lent(ctx)
	if c.copiers.inPlace {
		now := extentOf(docs)
		if now.overlaps(c.before) {
			return nil, c.lost(ctx, errReused)
		}
		c.before = now
	}
	docs, bad := c.copiers.own(ctx, docs, c.bytes, c.query.checkDoc)
	if bad != nil {
		bad.Index += c.read
	}
	c.read += int64(len(docs))
	switch {
	case bad != nil:
		return docs, c.query.fail(bad)
	case err != nil:
		return docs, c.lost(ctx, err)
	}
	c.adapt(len(docs))
	return docs, nil
}

// lent returns the rest of the batch as parts of the driver's reply, and sets c.bytes.
func (c *cursor) lent(ctx context.Context) (docs []bson.Raw, err error) {
	docs = make([]bson.Raw, 0, c.cur.RemainingBatchLength()+1)
	c.bytes = 0
	err = guarded(func() error {
		for {
			doc := c.cur.Current
			if len(docs) > 0 && !follows(doc, docs[len(docs)-1]) {
				return errReused
			}
			docs = append(docs, doc)
			c.bytes += len(doc)
			if c.cur.RemainingBatchLength() == 0 || !c.cur.TryNext(ctx) {
				return c.cur.Err()
			}
		}
	})
	if errors.Is(err, errReused) {
		docs = nil
	}
	return docs, err
}

// lost returns the error of a run whose cursor failed with err.
func (c *cursor) lost(ctx context.Context, err error) error {
	c.broken = mongoerr.Panicked(err)
	if ctx.Err() != nil && !c.broken {
		return context.Cause(ctx)
	}
	return c.query.fail(fmt.Errorf("after %d documents: %w", c.read, classify(err)))
}

// close closes the cursor on the server, even if ctx is done. It drops errors: a server that cannot
// be reached closes an idle cursor itself.
func (c *cursor) close(ctx context.Context) {
	if c.broken {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	switch {
	case c.cur != nil:
		_ = guarded(func() error { return c.cur.Close(ctx) })
	case c.cut:
		c.killSession(ctx)
	}
}

// guarded calls f, which uses the driver, and returns a panic as an error.
func guarded(f func() error) (err error) {
	defer mongoerr.Recover(&err)
	return f()
}

// sleep waits for d, or until ctx ends or the run is drained.
func sleep(ctx context.Context, d time.Duration, drained <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-drained:
	case <-ctx.Done():
	}
}
