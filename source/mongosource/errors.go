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

// ErrCursorLost says that the server no longer knew the cursor: it was idle for too long (10
// minutes, or 30 for its session) because the downstream was slow, or it was killed, or the server
// was restarted. The driver's error is wrapped too. It is of class Retryable.
var ErrCursorLost = stream.Mark(errors.New("the server gave up the cursor"), stream.Retryable)

// ErrMaxTime says that the server took longer than [FindOptions].MaxTime. It is of class Retryable.
var ErrMaxTime = stream.Mark(errors.New("the server took longer than the maximum time"), stream.Retryable)

// ErrBadReply says that the server sent a reply that no server sends: one that the driver cannot
// read, one that makes it panic, or empty batches without end. If it wraps a [*stream.PanicError],
// the client must not be used any more: the driver may hold a lock for ever. It is of class Fatal.
var ErrBadReply = mongoerr.ErrBadReply

// MalformedError says that the server, or something on the way, sent a document that is not BSON.
type MalformedError struct {
	Index  int64         // of the document in the run, from 0
	ID     bson.RawValue // its _id, or the zero value if it cannot be read or has more than 1 KiB
	Offset int           // of the damage in the document, in bytes
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

// classify gives the driver's error its class, and wraps a sentinel where a caller may want to
// branch on it.
func classify(err error) error {
	const cursorNotFound, cursorKilled = 43, 237
	var server mongo.ServerError
	if errors.As(err, &server) && (server.HasErrorCode(cursorNotFound) || server.HasErrorCode(cursorKilled)) {
		return fmt.Errorf("%w: %w", ErrCursorLost, mongoerr.Bound(err))
	}
	return mongoerr.Mark(err)
}
