package mongosource

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// stopGrace is how long an early end waits for the reply to a request in flight before it cuts the
// connection. A connection costs more than most replies.
const stopGrace = 200 * time.Millisecond

// batch is what a cursor returned.
type batch struct {
	docs []bson.Raw
	err  error // after docs
	cost int64 // bytes held of the account
}

// readAhead reads the batches of c on another goroutine, one ahead of emit. It runs emit on the
// caller's goroutine, and returns nil at the end of the cursor and when the run is drained.
func readAhead(ctx context.Context, c *cursor, emit func([]bson.Raw) error) error {
	reading, cut := context.WithCancelCause(ctx) // not of the group, which an early end cancels at once
	defer cut(nil)
	acquiring, giveUp := context.WithCancel(reading)
	g, ctx := stream.NewGroup(ctx)
	ahead, stopped := make(chan batch), make(chan struct{})
	g.Go(func() error {
		c.readInto(reading, acquiring, ahead, stopped)
		return nil
	})
	var grace *time.Timer
	defer func() {
		if grace != nil {
			grace.Stop()
		}
	}()
	return g.Do(func() error {
		defer func() {
			close(stopped)
			giveUp()
			grace = time.AfterFunc(stopGrace, func() { cut(errStopped) })
		}()
		for {
			select {
			case b := <-ahead:
				err := b.emit(emit)
				c.account.Release(b.cost)
				if err != nil {
					return finished(err)
				}
			case <-c.drained:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}

// errEnd ends a query without an error: at the end of its cursor, or early.
var errEnd = errors.New("end")

var errStopped = errors.New("the downstream has ended")

// readInto opens c, sends all its batches to ahead, the last one with an error, and closes c. It
// waits for memory in the context acquiring.
func (c *cursor) readInto(ctx, acquiring context.Context, ahead chan<- batch, stopped <-chan struct{}) {
	inSession := c.startSession(ctx)
	defer c.endSession(ctx)
	defer c.close(inSession)
	for {
		var b batch
		b.err = c.idle(ctx, func() error { return c.account.Acquire(acquiring, batchCost) })
		if b.err == nil {
			b.cost = batchCost
			c.fill(inSession, &b)
		}
		switch {
		case !c.pass(ctx, b, ahead, stopped):
			c.account.Release(b.cost)
			return
		case b.err != nil:
			return
		}
	}
}

// fill reads the next batch, after the query itself the first time.
func (c *cursor) fill(ctx context.Context, b *batch) {
	if c.cur == nil {
		if b.err = c.open(ctx); b.err != nil {
			return
		}
	}
	b.docs, b.err = c.next(ctx)
	if more := copies*int64(c.bytes) - batchCost; len(b.docs) > 0 && more > 0 && c.account.TryAcquire(more) {
		b.cost += more
	}
}

// pass sends b to ahead and reports whether it was taken.
func (c *cursor) pass(ctx context.Context, b batch, ahead chan<- batch, stopped <-chan struct{}) bool {
	return c.idle(ctx, func() error {
		select {
		case ahead <- b:
			return nil
		case <-stopped:
			return errStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}) == nil
}

// readInline reads the batches of c on the caller's goroutine.
func readInline(ctx context.Context, c *cursor, emit func([]bson.Raw) error) error {
	defer c.close(ctx)
	if err := c.account.Acquire(ctx, batchCost); err != nil {
		return err
	}
	defer c.account.Release(batchCost)
	for {
		var b batch
		c.fill(ctx, &b)
		err := b.emit(emit)
		c.account.Release(b.cost)
		if err != nil {
			return finished(err)
		}
	}
}

// emit passes on the documents, and returns b's error after them.
func (b batch) emit(emit func([]bson.Raw) error) error {
	if len(b.docs) > 0 {
		if err := emit(b.docs); err != nil {
			return err
		}
	}
	return b.err
}

// finished returns nil for the end of a cursor, and any other error unchanged.
func finished(err error) error {
	if err == errEnd { //nolint:errorlint // it is never wrapped
		return nil
	}
	return err
}
