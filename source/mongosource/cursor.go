package mongosource

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// closeTimeout limits the request that closes a cursor, so that a cancelled run ends within a
// second.
const closeTimeout = 800 * time.Millisecond

// reading reads the documents of one cursor.
type reading struct {
	check func([]byte) *MalformedError
	wait  *waitBudget
	empty emptyBatches
	fail  func(error) error // wraps errors of the server
}

// drain emits the documents of cur that pass the check. It always closes cur.
func (r *reading) drain(ctx context.Context, cur *mongo.Cursor, emit func(bson.Raw) error) error {
	broken := false // the driver panicked, so it may still hold a lock
	defer func() {
		if !broken {
			closeCursor(ctx, cur)
		}
	}()
	var (
		mem slab
		n   int64

		drained = stream.Draining(ctx)
	)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-drained:
			return nil
		default:
		}
		asked := time.Now()
		ok, err := r.wait.next(ctx, cur)
		switch {
		case ok:
		case err == nil && cur.ID() == 0:
			return nil
		case err == nil:
			pause, err := r.empty.next(time.Since(asked))
			if err != nil {
				return r.fail(afterDocuments(n, err))
			}
			sleep(ctx, pause, drained)
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			broken = mongoerr.Panicked(err)
			return r.fail(afterDocuments(n, classify(err)))
		}
		r.empty.reset()
		if bad := r.check(cur.Current); bad != nil {
			bad.Index = n
			return r.fail(bad)
		}
		if err := emit(mem.clone(cur.Current)); err != nil {
			return err
		}
		n++
	}
}

// afterDocuments adds to err the number of documents before it.
func afterDocuments(n int64, err error) error { return fmt.Errorf("after %d documents: %w", n, err) }

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

// closeCursor closes cur on the server, even if ctx is done. It drops errors: a server that cannot
// be reached closes an idle cursor itself.
func closeCursor(ctx context.Context, cur *mongo.Cursor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = guarded(func() error { return cur.Close(ctx) })
}

// guarded calls f, which uses the driver, and returns a panic as an error.
func guarded(f func() error) (err error) {
	defer mongoerr.Recover(&err)
	return f()
}

// waitBudget counts the time that a run may still wait for the server.
type waitBudget struct {
	limited bool
	left    time.Duration
}

// call runs f, which waits for the server, and subtracts the time that it took.
func (p *waitBudget) call(ctx context.Context, f func(context.Context) error) error {
	if !p.limited {
		return f(ctx)
	}
	begin := time.Now() // before the deadline is set: a socket can notice it earlier than the context
	limited, cancel := context.WithTimeout(ctx, p.left)
	defer cancel()
	err := f(limited)
	p.left -= time.Since(begin)
	if err != nil && ctx.Err() == nil && p.left <= 0 {
		return fmt.Errorf("%w: %w", ErrMaxTime, err)
	}
	return err
}

// next advances cur. After an empty batch of a cursor that is still open, it returns false and no
// error.
func (p *waitBudget) next(ctx context.Context, cur *mongo.Cursor) (ok bool, err error) {
	advance := func(ctx context.Context) error {
		return guarded(func() error {
			ok = cur.TryNext(ctx)
			return cur.Err()
		})
	}
	if !p.limited || cur.RemainingBatchLength() > 0 {
		err = advance(ctx)
		return ok, err
	}
	err = p.call(ctx, advance)
	return ok, err
}
