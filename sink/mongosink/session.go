package mongosink

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// A server knows a retryable write by its session and number. It remembers the last one of each
// session, and does not execute it twice. The driver numbers only the writes that it repeats
// itself, so the sink numbers its own. It repeats a batch with the same number, and knows the
// outcome of every attempt.

// session is the session of the driver in which one goroutine sends commands.
type session struct {
	driver *mongo.Session // nil if the server has no sessions
	own    bool           // started here, not by the caller
}

// openSession returns the session of ctx, or a new one.
func (r *run) openSession(ctx context.Context) session {
	if s := mongo.SessionFromContext(ctx); s != nil {
		return session{driver: s}
	}
	if r.server.client == nil || !r.server.sessions {
		return session{}
	}
	s, err := r.server.client.StartSession(options.Session().SetCausalConsistency(false))
	if err != nil {
		return session{} // the first command reports that the client is closed
	}
	return session{driver: s, own: true}
}

// in returns a context in which the driver uses the session.
func (s session) in(ctx context.Context) context.Context {
	if s.driver == nil {
		return ctx
	}
	return mongo.NewSessionContext(ctx, s.driver)
}

func (s session) inTransaction() bool { return s.driver != nil && s.driver.TransactionRunning() }

// close returns an own session to the driver's pool.
func (s session) close(ctx context.Context) {
	if s.own {
		s.driver.EndSession(ctx)
	}
}

// nextNumber returns a number for a retryable write. The driver uses the session again for others,
// so its counter must advance too. Only the begin of a transaction advances it. The transaction
// ends before it sends anything.
func (s session) nextNumber(ctx context.Context) (number int64, ok bool) {
	if s.driver == nil {
		return 0, false
	}
	majority := options.Transaction().SetWriteConcern(writeconcern.Majority())
	if s.driver.StartTransaction(majority) != nil || s.driver.AbortTransaction(ctx) != nil {
		return 0, false
	}
	return transactionNumber(s.driver)
}
