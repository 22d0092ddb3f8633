package mongosource

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongowait"
)

// waitBudget counts the time that a run may still wait for the server.
type waitBudget struct {
	limited bool
	left    time.Duration
}

// call runs f, which waits for the server, and subtracts the time that it took. The context of f
// has no deadline, so that the driver reports the reason of a refusal.
func (p *waitBudget) call(ctx context.Context, f func(context.Context) error) error {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	if !p.limited {
		return f(waiting)
	}
	waiting, cancel := context.WithCancel(waiting)
	defer cancel()
	timer := time.AfterFunc(p.left, cancel)
	defer timer.Stop()
	began := time.Now()
	err := f(waiting)
	p.left -= time.Since(began)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return fmt.Errorf("%w: %w: %w", ErrMaxTime, context.DeadlineExceeded, err)
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
	if cur.RemainingBatchLength() > 0 {
		err = advance(ctx)
	} else {
		err = p.call(ctx, advance)
	}
	return ok, err
}
