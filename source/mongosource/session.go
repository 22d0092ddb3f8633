package mongosource

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
)

// A server ends a session that was idle for 30 minutes, and with it the cursors of the session. The
// driver refreshes no session while it waits for the caller, so the reader of a cursor does that.

// startSession returns a context with a new session for c, if the source keeps it alive or reads a
// snapshot.
func (c *cursor) startSession(ctx context.Context) context.Context {
	snapshot := c.query.at != bson.Timestamp{}
	if c.query.keepAlive <= 0 && !snapshot || c.query.client == nil || mongo.SessionFromContext(ctx) != nil {
		return ctx
	}
	o := options.Session().SetCausalConsistency(false)
	if snapshot {
		o.SetSnapshot(true).SetSnapshotTime(c.query.at)
	}
	session, err := c.query.client.StartSession(o)
	if err != nil {
		// A query of a snapshot reports it. Others need no session.
		c.noSession = fmt.Errorf("%w: %w", errNoSession, mongoerr.Bound(err))
		return ctx
	}
	c.session = session
	return mongo.NewSessionContext(ctx, session)
}

// idle calls wait, during which nothing else uses the cursor, and keeps the session in use.
func (c *cursor) idle(ctx context.Context, wait func() error) error {
	if c.session == nil || c.query.keepAlive <= 0 {
		return wait()
	}
	waited := make(chan struct{})
	var refreshing sync.WaitGroup
	refreshing.Go(func() {
		ticker := time.NewTicker(c.query.keepAlive)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c.refresh(ctx)
			case <-waited:
				return
			}
		}
	})
	defer refreshing.Wait()
	defer close(waited)
	return wait()
}

// refresh tells the server that the session is in use. It drops errors: if the cursor is lost, its
// next request reports it.
func (c *cursor) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	_ = guarded(func() error {
		return c.query.client.Database("admin").RunCommand(ctx, bson.D{
			{Key: "refreshSessions", Value: bson.A{c.session.ID()}},
		}).Err()
	})
}

// killSession ends the query of a session on the server. The reply with the id of its cursor did not
// come, so killCursors is not possible. The command goes to a server that the query may have gone to;
// the driver does not say which one it was, nor the read preference of the collection.
func (c *cursor) killSession(ctx context.Context) {
	if c.session == nil {
		return
	}
	ctx = mongo.NewSessionContext(ctx, nil)
	o := options.RunCmd()
	if preference := c.query.probe.preference; preference != nil {
		o.SetReadPreference(preference)
	}
	_ = guarded(func() error {
		return c.query.client.Database("admin").RunCommand(ctx, bson.D{
			{Key: "killSessions", Value: bson.A{c.session.ID()}},
		}, o).Err()
	})
}

// endSession gives the session back to the client.
func (c *cursor) endSession(ctx context.Context) {
	if c.session != nil {
		c.session.EndSession(ctx)
	}
}
