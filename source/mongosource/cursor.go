package mongosource

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// closeTimeout bounds the request that closes a cursor on the server, so that a cancelled run ends within a second.
const closeTimeout = 800 * time.Millisecond

// drain emits what is left in cur and passes check, and closes cur whatever happens. fail wraps the errors that are the server's.
func drain(
	ctx context.Context, cur *mongo.Cursor, check func([]byte) *MalformedError, wait *patience, emit func(bson.Raw) error, fail func(error) error,
) error {
	defer closeCursor(ctx, cur)
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
		if !wait.next(ctx, cur) {
			break
		}
		if bad := check(cur.Current); bad != nil {
			bad.Index = n
			return fail(bad)
		}
		if err := emit(mem.clone(cur.Current)); err != nil {
			return err
		}
		n++
	}
	err := cur.Err()
	if err == nil && !wait.spent {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case wait.spent && err == nil:
		err = ErrMaxTime
	case wait.spent:
		err = fmt.Errorf("%w: %w", ErrMaxTime, err)
	}
	return fail(fmt.Errorf("after %d documents: %w", n, classify(err)))
}

// closeCursor closes cur on the server, even when ctx is done. What comes of it is no news to the run: see [Find].
func closeCursor(ctx context.Context, cur *mongo.Cursor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = cur.Close(ctx)
}

// patience is the time that a run may still wait for the server.
type patience struct {
	limited bool
	left    time.Duration
	spent   bool // the limit ended a call
}

// call runs f, which waits for the server, and charges the time it took.
func (p *patience) call(ctx context.Context, f func(context.Context) error) error {
	if !p.limited {
		return f(ctx)
	}
	begin := time.Now() // before the context's deadline is made: a socket can notice it earlier than the context does
	limited, cancel := context.WithTimeout(ctx, p.left)
	defer cancel()
	err := f(limited)
	p.left -= time.Since(begin)
	if err != nil && ctx.Err() == nil && p.left <= 0 {
		p.spent = true
		return fmt.Errorf("%w: %w", ErrMaxTime, err)
	}
	return err
}

// next moves cur on.
func (p *patience) next(ctx context.Context, cur *mongo.Cursor) (ok bool) {
	if !p.limited || cur.RemainingBatchLength() > 0 {
		return cur.Next(ctx)
	}
	_ = p.call(ctx, func(ctx context.Context) error {
		ok = cur.Next(ctx)
		return cur.Err()
	})
	return ok
}
