package mongosink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// InsertOptions tunes [Insert]. The zero value is ready to use.
type InsertOptions struct {
	// BatchDocuments is the largest number of documents in a batch, 1 to 100,000; 0 means 1,000.
	BatchDocuments int

	// BatchBytes is the largest size of a batch, 1 to 16 MiB; 0 means 8 MiB. A larger document is
	// sent alone.
	BatchBytes int

	// Parallelism is the number of batches in flight, 1 to 1,000. 0 means 4, or 1 with a session in
	// the context.
	Parallelism int

	// Ordered inserts in the order of the input, one batch at a time, and stops at the first
	// document that fails. Parallelism must then be 0 or 1.
	Ordered bool

	// ContinueOnError continues after documents that the server refused. The run still ends with
	// the [*InsertError] that lists them. Some servers refuse a whole batch because of one
	// document: the sink then sends the batch in halves, until it knows the document. If 20
	// documents are refused alone and none was inserted before, the run ends. It cannot be combined
	// with Ordered.
	ContinueOnError bool

	// Refused gets each document that the server refuses for the document's own sake, with its
	// content, as a dead letter. The run then goes on, as with ContinueOnError, and such documents
	// are no error of it. One goroutine at a time calls Refused, and batches wait for it. Its error
	// ends the run, unchanged. It cannot be combined with Ordered.
	Refused func(ctx context.Context, d RefusedDocument) error

	// MaxRefused is how many documents Refused may get before the run ends with an
	// [*InsertError]; 0 means any number.
	MaxRefused int64

	// MoveID makes the _id the first field of its document, as servers do. Without it, a document
	// with another first field is an error ([ErrIDNotFirst]), because the server would change it.
	MoveID bool

	// AllowEmptyTimestamps also inserts documents with a top-level Timestamp(0, 0) if the server
	// may store its own time instead. Without it, such a document is an error
	// ([ErrEmptyTimestamp]).
	AllowEmptyTimestamps bool

	// BypassDocumentValidation also stores documents that the collection's validator would refuse.
	// A collection can hold such documents, from before it had the validator. The user needs the
	// action bypassDocumentValidation.
	BypassDocumentValidation bool

	// Progress gets the counts of the run so far, after each batch, also one that failed. Two
	// calls may have the same counts. One goroutine at a time calls it, and batches wait for it.
	// [InsertReceipts] does not call it.
	Progress func(InsertResult)

	Comment any // shown in the server's logs and profiles

	// WriteConcern replaces the collection's. nil keeps the collection's; if it has none, it is
	// majority. A transaction has its own.
	WriteConcern *writeconcern.WriteConcern

	// RetryTimeout is how long a batch is sent again after a failure that passes: a lost
	// connection, an election, an overloaded server. Look-ups that settle the batch are repeated in
	// the same time, at least twice. 0 means 1 minute. With a negative value, no batch is sent again.
	RetryTimeout time.Duration

	// MaxLag slows the sink down while a secondary is further behind the primary (see the package
	// comment), 1 second or more; 0 means never. A server that states no replication lag is then an
	// error ([ErrNoLag]).
	MaxLag time.Duration
}

// The limits of servers (https://www.mongodb.com/docs/manual/reference/limits/).
const (
	maxBatchDocuments = 100_000
	maxBatchBytes     = 16 << 20
	maxDocumentBytes  = 16 << 20
)

// maxParallelism is more than any server serves well, and the goroutines are started at once.
const maxParallelism = 1000

func (o *InsertOptions) check() error {
	switch {
	case o.BatchDocuments < 0 || o.BatchDocuments > maxBatchDocuments:
		return fmt.Errorf("batches of %d documents; it must be 0 to %d", o.BatchDocuments, maxBatchDocuments)
	case o.BatchBytes < 0 || o.BatchBytes > maxBatchBytes:
		return fmt.Errorf("batches of %d bytes; it must be 0 to %d", o.BatchBytes, maxBatchBytes)
	case o.Parallelism < 0 || o.Parallelism > maxParallelism:
		return fmt.Errorf("%d batches in flight; it must be 1 to %d, or 0 for the default", o.Parallelism,
			maxParallelism)
	case o.Ordered && o.Parallelism > 1:
		return fmt.Errorf("ordered inserts go one batch at a time, not %d", o.Parallelism)
	case o.Ordered && (o.ContinueOnError || o.Refused != nil):
		return errors.New("ordered inserts stop at the first error, they cannot continue")
	case o.MaxRefused < 0:
		return fmt.Errorf("at most %d refused documents; it must not be negative", o.MaxRefused)
	case o.MaxLag < 0 || o.MaxLag > 0 && o.MaxLag < time.Second:
		return fmt.Errorf("MaxLag is %v; it must be 0, or 1s or more", o.MaxLag)
	}
	return nil
}

func (o *InsertOptions) defaults() {
	if o.BatchDocuments == 0 {
		o.BatchDocuments = 1000
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 20
	}
	if o.RetryTimeout == 0 {
		o.RetryTimeout = time.Minute
	}
	switch {
	case o.Ordered:
		o.Parallelism = 1
	case o.Parallelism == 0:
		o.Parallelism = 4
	}
}
