package mongosink

import (
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// ErrOutcomeUnknown says that documents were sent and that it is not known whether they are stored.
// [InsertResult].Unknown counts them. It may come with a server's refusal, of a missing right (13,
// Unauthorized) as of most others: it may have been the driver's repetition that was refused, after
// a first try whose reply was lost. It is of class UnknownOutcome.
var ErrOutcomeUnknown = stream.Mark(errors.New("the outcome is unknown"), stream.UnknownOutcome)

// ErrDuplicate says that the server refused a document because of a unique index: one with the same _id, or another unique
// key, exists. It does not say that the two are equal. It is of class Data.
var ErrDuplicate = stream.Mark(errors.New("duplicate key"), stream.Data)

// The reasons for which a document is not sent. They are of class Data, and come in a
// [DocumentError].
var (
	// ErrTooLarge says that a document exceeds the 16 MiB that a server stores.
	ErrTooLarge = stream.Mark(errors.New("the document is larger than 16 MiB"), stream.Data)

	// ErrMalformed says that an element is not a BSON document: its length, its terminator or one
	// of its top-level fields is wrong.
	ErrMalformed = stream.Mark(errors.New("not a BSON document"), stream.Data)

	// ErrIDNotFirst says that a document has an _id that is not its first field: servers move it
	// there. See [InsertOptions].MoveID.
	ErrIDNotFirst = stream.Mark(errors.New("the _id is not the first field, and servers move it there"), stream.Data)

	// ErrEmptyTimestamp says that a document has a Timestamp(0, 0) at its top level, for which
	// servers store their own time, and that the server did not prove that it keeps it.
	// See [InsertOptions].AllowEmptyTimestamps.
	ErrEmptyTimestamp = stream.Mark(
		errors.New("a top-level Timestamp(0, 0), for which the server may store its own time"), stream.Data)
)

// DocumentError is a document that was not sent, because no server takes it or this one would
// change it: [ErrTooLarge], [ErrMalformed], [ErrIDNotFirst] or [ErrEmptyTimestamp].
type DocumentError struct {
	Index int64         // of the document in the input, from 0
	ID    bson.RawValue // its _id, or the zero value if it has none, it cannot be read, or it has more than 1 KiB
	Size  int           // bytes
	Err   error
}

// Error names the document.
func (e *DocumentError) Error() string {
	id := ""
	if !e.ID.IsZero() {
		id = "_id " + printable.Text(e.ID.String()) + ", "
	}
	return fmt.Sprintf("document %d (%s%d bytes): %v", e.Index, id, e.Size, e.Err)
}

// Unwrap returns the reason.
func (e *DocumentError) Unwrap() error { return e.Err }

// Class returns Data.
func (e *DocumentError) Class() stream.Class { return stream.Data }

// maxListed is how many documents an InsertError names.
const maxListed = 100

// InsertError lists documents that the server refused. It wraps the driver's error of the first batch with one, and
// [ErrDuplicate] when a listed document was refused for its key.
type InsertError struct {
	Failed []FailedDocument // 100 of them at most, by index
	Total  int64            // all of them

	namespace string
	driver    error
	class     stream.Class
}

// FailedDocument is a document that the server refused.
type FailedDocument struct {
	Index   int64         // in the input, from 0
	ID      bson.RawValue // its _id, or the zero value if it has none or it has more than 1 KiB
	Code    int           // the server's, https://www.mongodb.com/docs/manual/reference/error-codes/
	Message string        // the server's, with control characters escaped, cut at 1 KiB
}

// Error names the first document and says how many there are.
func (e *InsertError) Error() string {
	if len(e.Failed) == 0 {
		return fmt.Sprintf("mongosink: insert%s: the server refused %d documents", e.namespace, e.Total)
	}
	f := e.Failed[0]
	others := ""
	if e.Total > 1 {
		others = fmt.Sprintf(" (and %d others)", e.Total-1)
	}
	return fmt.Sprintf("mongosink: insert%s: the server refused document %d%s: %s (code %d)", e.namespace, f.Index, others, f.Message, f.Code)
}

// Unwrap returns the driver's error, and ErrDuplicate if it applies.
func (e *InsertError) Unwrap() []error {
	var errs []error
	if e.driver != nil {
		errs = append(errs, e.driver)
	}
	if slices.ContainsFunc(e.Failed, func(f FailedDocument) bool { return duplicateCode(f.Code) }) {
		errs = append(errs, ErrDuplicate)
	}
	return errs
}

// Class returns Data, unless no document is at fault, as with a primary that stepped down, or
// nothing can be written, as with a full disk.
func (e *InsertError) Class() stream.Class {
	if e.class == stream.Unclassified {
		return stream.Data
	}
	return e.class
}

// refusals are the codes by which a server refuses a whole command for what it is: it would have refused it at the first try too. A
// refusal for how things are (13 Unauthorized, 18 AuthenticationFailed, 20 IllegalOperation, 26 NamespaceNotFound, 391
// ReauthenticationRequired, 8000 AtlasError…) can meet the driver's repetition of a command that was carried out.
var refusals = []int32{
	2,     // BadValue
	9,     // FailedToParse
	14,    // TypeMismatch
	16,    // InvalidLength
	22,    // InvalidBSON
	59,    // CommandNotFound
	72,    // InvalidOptions
	73,    // InvalidNamespace
	166,   // CommandNotSupportedOnView
	10334, // BSONObjectTooLarge
	40415, // an unknown field
}

// notWritten tells whether err proves that nothing of the batch was written: it was never sent, or refused for what it is. The label
// NoWritesPerformed is no proof: it can be that of one part of a batch that the driver sent in several.
func notWritten(err error) bool {
	var command mongo.CommandError
	if errors.As(err, &command) {
		return slices.Contains(refusals, command.Code)
	}
	var (
		selection  topology.ServerSelectionError
		connection topology.ConnectionError // outside a command error: while connecting
		queue      topology.WaitQueueTimeoutError
		marshal    mongo.MarshalError
	)
	return errors.As(err, &selection) || errors.As(err, &connection) || errors.As(err, &queue) || errors.As(err, &marshal) ||
		errors.Is(err, mongo.ErrClientDisconnected)
}

// poolCleared tells whether err says that there was no connection to send the command on, because another operation's failure took
// them all away: it is no proof, see [maxAgain].
func poolCleared(err error) bool {
	var command mongo.CommandError
	var pool interface{ Retryable() bool } // what the driver's own type for it is told by
	return errors.As(err, &pool) && pool.Retryable() &&
		(!errors.As(err, &command) || command.Code == 0 && !command.HasErrorLabel("NetworkError"))
}
