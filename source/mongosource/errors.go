package mongosource

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// ErrCursorLost says that the server no longer knows the cursor. It was killed, the server was
// restarted, or a slow downstream left the cursor idle for too long (10 minutes, or 30 for its
// session). The driver's error is wrapped too. Its class is Retryable.
var ErrCursorLost = stream.Mark(errors.New("the server gave up the cursor"), stream.Retryable)

// ErrMaxTime says that the server took longer than [FindOptions].MaxTime. Its class is Retryable.
var ErrMaxTime = stream.Mark(errors.New("the server took longer than the maximum time"), stream.Retryable)

// ErrBadReply says that the server sent a reply that breaks the protocol: the driver cannot read
// it, it makes the driver panic, or empty batches do not end. If it wraps a [*stream.PanicError],
// stop using the client, because the driver may still hold a lock. Its class is Fatal.
var ErrBadReply = mongoerr.ErrBadReply

// MalformedError reports a document that is not BSON. The server sent it damaged, or it was damaged
// on the way.
type MalformedError struct {
	Index  int64         // of the document in the run, from 0; always 0 in a Watch
	ID     bson.RawValue // its _id, or the zero value if it cannot be read or has more than 1 KiB
	Offset int           // of the damage, in bytes from the start of the document
	Reason string
}

// Error describes the damage.
func (e *MalformedError) Error() string {
	id := ""
	if !e.ID.IsZero() {
		id = " (_id " + printable.Text(e.ID.String()) + ")"
	}
	return fmt.Sprintf("document %d%s is not BSON: at byte %d: %s", e.Index, id, e.Offset, e.Reason)
}

// Class returns Data.
func (e *MalformedError) Class() stream.Class { return stream.Data }

// classify gives an error of the driver its class. It wraps a sentinel that a caller may want to
// branch on.
func classify(err error) error {
	const cursorNotFound, cursorKilled, snapshotTooOld = 43, 237, 239
	var server mongo.ServerError
	switch {
	case !errors.As(err, &server):
	case server.HasErrorCode(cursorNotFound) || server.HasErrorCode(cursorKilled):
		return fmt.Errorf("%w: %w", ErrCursorLost, mongoerr.Bound(err))
	case server.HasErrorCode(snapshotTooOld):
		return fmt.Errorf("%w: %w", ErrSnapshotTooOld, mongoerr.Bound(err))
	}
	return mongoerr.Mark(err)
}
