package mongosink

import (
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// ErrOutcomeUnknown says that documents were sent and may be stored or not, and that reading them
// back proved neither. [InsertResult].Unknown counts them. The error may come with a refusal by the
// server: it answers a repetition, after an attempt whose reply was lost. Its class is
// UnknownOutcome.
var ErrOutcomeUnknown = stream.Mark(errors.New("the outcome is unknown"), stream.UnknownOutcome)

// ErrDuplicate says that the server refused a document because of a unique index: a document with
// the same _id, or another unique key, exists. Its class is Data.
var ErrDuplicate = stream.Mark(errors.New("duplicate key"), stream.Data)

// The reasons for which a document is not sent, as the cause of a [DocumentError]. Their class is
// Data.
var (
	// ErrTooLarge says that a document exceeds the 16 MiB that a server stores.
	ErrTooLarge = stream.Mark(errors.New("the document is larger than 16 MiB"), stream.Data)

	// ErrMalformed says that an element is not a BSON document: its length, its terminator or one
	// of its top-level fields is wrong.
	ErrMalformed = stream.Mark(errors.New("not a BSON document"), stream.Data)

	// ErrIDNotFirst says that the _id of a document is not its first field. Servers would move it.
	// See [InsertOptions].MoveID.
	ErrIDNotFirst = stream.Mark(errors.New("the _id is not the first field, and servers move it there"), stream.Data)

	// ErrEmptyTimestamp says that a document has a top-level Timestamp(0, 0). Servers may store
	// their own time instead, and this server did not prove that it keeps the value. See
	// [InsertOptions].AllowEmptyTimestamps.
	ErrEmptyTimestamp = stream.Mark(
		errors.New("a top-level Timestamp(0, 0), for which the server may store its own time"), stream.Data)
)

// DocumentError reports a document that was not sent, because servers would refuse or change it:
// [ErrTooLarge], [ErrMalformed], [ErrIDNotFirst], [ErrInvalidID] or [ErrEmptyTimestamp].
type DocumentError struct {
	Index int64         // of the document in the input, from 0
	ID    bson.RawValue // its _id; the zero value if it is missing, damaged or longer than 1 KiB
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

// InsertError lists documents that the server refused. It wraps the driver's error of the first
// batch with such a document, and [ErrDuplicate] and [ErrConflict] if a listed document was refused
// for its key.
type InsertError struct {
	Failed []FailedDocument // at most 100, by index
	Total  int64            // the number of refused documents, listed or not

	name      string // of the sink
	namespace string
	driver    error
	class     stream.Class
}

// FailedDocument is a document that the server refused.
type FailedDocument struct {
	Index    int64         // in the input, from 0
	ID       bson.RawValue // its _id; the zero value if it is missing or longer than 1 KiB
	Conflict bool          // another document has its _id: see ErrConflict
	Code     int           // see https://www.mongodb.com/docs/manual/reference/error-codes/
	Message  string        // the server's, with control characters escaped, cut at 1 KiB
}

// RefusedDocument is a document that the server refused, with its content. Of a write, the content is
// the server's statement.
type RefusedDocument struct {
	FailedDocument
	Document bson.Raw
}

// Error names the first document and the number of others.
func (e *InsertError) Error() string {
	if len(e.Failed) == 0 {
		return fmt.Sprintf("mongosink: %s%s: the server refused %d documents", e.name, e.namespace, e.Total)
	}
	f := e.Failed[0]
	others := ""
	if e.Total > 1 {
		others = fmt.Sprintf(" (and %d others)", e.Total-1)
	}
	return fmt.Sprintf("mongosink: %s%s: the server refused document %d%s: %s (code %d)",
		e.name, e.namespace, f.Index, others, f.Message, f.Code)
}

// Unwrap returns the driver's error, and ErrDuplicate and ErrConflict if they apply.
func (e *InsertError) Unwrap() []error {
	var errs []error
	if e.driver != nil {
		errs = append(errs, e.driver)
	}
	if slices.ContainsFunc(e.Failed, func(f FailedDocument) bool { return duplicateCode(f.Code) }) {
		errs = append(errs, ErrDuplicate)
	}
	if slices.ContainsFunc(e.Failed, func(f FailedDocument) bool { return f.Conflict }) {
		errs = append(errs, ErrConflict)
	}
	return errs
}

// Class returns Data. If the reason does not lie in a document (the primary stepped down, the disk
// is full), it returns the class of that reason.
func (e *InsertError) Class() stream.Class {
	if e.class == stream.Unclassified {
		return stream.Data
	}
	return e.class
}
