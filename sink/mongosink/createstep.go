package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
)

// defaultSettle is how long a step whose outcome is unclear is looked at and repeated.
const defaultSettle = 30 * time.Second

// The first wait between two attempts of a step, and the longest.
const (
	firstWait = 50 * time.Millisecond
	maxWait   = 2 * time.Second
)

// step is a command that changes the catalog: it creates, changes or renames something. The driver
// never repeats it, so each attempt is known.
type step struct {
	what    string // for errors: "create collection"
	db      *mongo.Database
	command bson.D

	// tookEffect looks whether the command took effect, whichever attempt did it. nil means that no
	// look can prove that. Then only a reply does, and the command can be repeated without harm.
	tookEffect func(ctx context.Context) (bool, error)

	// ownEffect says that tookEffect cannot find the effect of another program's command. Then it
	// decides also if the server refused the only attempt.
	ownEffect bool

	settle time.Duration // how long an unclear outcome is looked at; the command is repeated once at least
}

// run sends the command until its outcome is known: done (nil), or refused without an effect. If a
// reply is lost, run looks for the effect, and sends the command again if there is none. The second
// command waits for the first, or does its work. An error that matches [ErrOutcomeUnknown] says
// that the outcome is still unknown, or that the command took effect and may be rolled back.
// Any other error is a refusal, or says that nothing was sent.
func (s *step) run(ctx context.Context) error {
	err := s.send(ctx)
	if err == nil {
		return nil
	}
	reached, unclear := !neverSent(err), mayHaveTakenEffect(err)
	deadline := time.Now().Add(s.settle)
	for wait, repeated := firstWait, false; ; wait, repeated = min(2*wait, maxWait), true {
		if mongoerr.Panicked(err) { // the driver may hold a lock for ever
			return s.unknown(mongoerr.Bound(err))
		}
		refused := fmt.Errorf("%s: %w", s.what, mongoerr.Mark(err))
		if refusedAlone(err) && !unclear && !s.ownEffect {
			return refused
		}
		took, lookErr := s.look(ctx)
		switch {
		case ctx.Err() != nil && reached:
			return s.unknown(context.Cause(ctx))
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case lookErr == nil && took:
			return s.unconfirmed(err)
		case refusedAlone(err) && (lookErr == nil || !unclear):
			return refused
		}
		if repeated && time.Now().Add(wait).After(deadline) {
			if !reached {
				return refused
			}
			return s.unknown(mongoerr.Bound(err))
		}
		if !sleep(ctx, wait) {
			continue // the look returns the cause
		}
		if err = s.send(ctx); err == nil {
			return nil
		}
		reached = reached || !neverSent(err)
		unclear = unclear || mayHaveTakenEffect(err)
	}
}

func (s *step) look(ctx context.Context) (took bool, err error) {
	if s.tookEffect == nil {
		return false, nil
	}
	return s.tookEffect(ctx)
}

// send sends the command once.
func (s *step) send(ctx context.Context) (err error) {
	defer mongoerr.Recover(&err)
	// A transaction of the caller has no part in this, and a deadline would become a maxTimeMS.
	ctx, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	command := append(slices.Clip(s.command), bson.E{
		Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}},
	})
	return s.db.RunCommand(ctx, command).Err()
}

// unknown returns the error of a step that may have taken effect.
func (s *step) unknown(cause error) error {
	return fmt.Errorf("%s: %w: %w", s.what, ErrOutcomeUnknown, cause)
}

// unconfirmed returns nil for a step that took effect, unless its last error says that the write
// concern was not met: a failover could undo it.
func (s *step) unconfirmed(err error) error {
	var written mongo.WriteException
	if !errors.As(err, &written) {
		return nil
	}
	return &unconfirmedError{fmt.Errorf("%s: it took effect, and the server did not confirm that it lasts: %w", s.what,
		mongoerr.Bound(err))}
}

// unconfirmedError says that a step took effect, and that its write concern was not met.
type unconfirmedError struct{ error }

func (e *unconfirmedError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.error} }

// neverSent reports whether err proves that a command did not reach a server.
func neverSent(err error) bool {
	var (
		command    mongo.CommandError
		selection  topology.ServerSelectionError
		connection topology.ConnectionError // outside a command error: while connecting
		queue      topology.WaitQueueTimeoutError
		marshal    mongo.MarshalError
	)
	if errors.As(err, &command) {
		return false
	}
	return errors.As(err, &selection) || errors.As(err, &connection) || errors.As(err, &queue) ||
		errors.As(err, &marshal) || errors.Is(err, mongo.ErrClientDisconnected)
}

// interrupted are codes, in addition to the transient ones, of commands that did not run to their
// end: they may have taken effect, or still take effect.
var interrupted = []int32{
	64,    // WriteConcernFailed
	79,    // UnknownReplWriteConcern
	100,   // UnsatisfiableWriteConcern
	175,   // QueryPlanKilled
	290,   // TransactionExceededLifetimeLimitSeconds
	384,   // ConnectionPoolExpired
	11601, // Interrupted
}

// mayHaveTakenEffect reports whether a command that ended with err may have taken effect, or may
// still take effect.
func mayHaveTakenEffect(err error) bool {
	const internalError, unknownError = 1, 8 // do not say whether it took effect
	code := codeOf(err)
	return !neverSent(err) && (!refusedAlone(err) || code == internalError || code == unknownError)
}

// refusedAlone reports whether err, the reply to the last attempt, says that the server rejected the
// command for good.
func refusedAlone(err error) bool {
	var command mongo.CommandError
	return errors.As(err, &command) && command.Code != 0 && !command.HasErrorLabel("NetworkError") &&
		!mongoerr.Class(err).Transient() && !slices.Contains(interrupted, command.Code) ||
		errors.As(err, new(mongo.MarshalError)) || errors.Is(err, mongo.ErrClientDisconnected)
}

// codeOf returns the code by which the server refused a command, or 0.
func codeOf(err error) int32 {
	var command mongo.CommandError
	if errors.As(err, &command) {
		return command.Code
	}
	return 0
}

// sleep waits for d, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask runs a command that only reads, twice if the connection breaks. It takes no part in a session
// of ctx.
func ask(ctx context.Context, read func(ctx context.Context) error) (err error) {
	asking, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	for range 2 {
		if err = guard(func() error { return read(asking) }); err == nil || !mongoerr.Class(err).Transient() {
			break
		}
	}
	switch {
	case err != nil && ctx.Err() != nil && !mongoerr.Panicked(err):
		return context.Cause(ctx)
	case err != nil:
		return mongoerr.Mark(err)
	}
	return nil
}

// guard returns a panic of the driver in f as an error.
func guard(f func() error) (err error) {
	defer mongoerr.Recover(&err)
	return f()
}
