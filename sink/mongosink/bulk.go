package mongosink

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// WriteOptions tunes [Bulk], [Replace], [Upsert], [Update] and [Delete]. The zero value is ready to use. The fields mean
// the same as those of [InsertOptions].
type WriteOptions struct {
	BatchDocuments  int // writes in a batch
	BatchBytes      int
	Parallelism     int
	Ordered         bool
	ContinueOnError bool

	Refused    func(ctx context.Context, d RefusedDocument) error
	MaxRefused int64

	MoveID                   bool // of inserted documents
	AllowEmptyTimestamps     bool // in inserted documents
	BypassDocumentValidation bool
	Comment                  any
	WriteConcern             *writeconcern.WriteConcern
	RetryTimeout             time.Duration
	MaxLag                   time.Duration
}

// Bulk returns a sink that executes writes of any kind in batches, several of them in flight.
//
//		stream.Run(ctx, stream.Via(events, stream.Map(func(e Event) mongosink.Write {
//			return mongosink.UpdateOne(bson.D{{"_id", e.User}}, bson.D{{"$inc", bson.D{{"seen", 1}}}}).Upsert()
//		})), mongosink.Bulk(users, nil))
//
//	  - In: writes. Inserted documents are stored as by [Insert].
//	  - Result: the counts of [WriteResult], also with an error.
//	  - Memory, goroutines, sessions, limits: as Insert.
//	  - Order: any. With Ordered, that of the input: one batch at a time, until the first write that
//	    fails.
//	  - Errors: as Insert, where Index is that of the write. [*DocumentError] with [ErrInvalidWrite]
//	    for a write that is not sent.
//	  - Unknown outcomes: a server with retryable writes recognizes a write that is sent again. For
//	    another one, inserts are sent again and read back, and so are replacements, deletions and $set
//	    of plain fields by _id. The outcome of other writes is unknown after a lost reply, and that of
//	    UpdateMany and DeleteMany always. With Ordered, the run ends as unknown before a later write
//	    that such a lost one may overturn (see the package comment).
func Bulk(coll *mongo.Collection, opts *WriteOptions) stream.Sink[Write, WriteResult] {
	return bulkOf(coll, opts, "bulk", "Bulk", func(w Write) (Write, error) { return w, nil })
}

// bulkOf returns a sink of elements that write turns into writes.
func bulkOf[T any](coll *mongo.Collection, opts *WriteOptions, name, stage string, write func(T) (Write, error),
) stream.Sink[T, WriteResult] {
	w, err := newBulk(coll, opts, name, stage)
	return stream.SinkFunc[T, WriteResult](func(ctx context.Context, src stream.Source[T]) (WriteResult, error) {
		if err != nil {
			return WriteResult{}, err
		}
		return w.run(ctx, func(ctx context.Context, r *run) error {
			return guarded.EachAtOnce(ctx, src, func(v T) error {
				write, err := write(v)
				if err != nil {
					return err
				}
				return addWrite(ctx, r, &write)
			})
		})
	})
}

func newBulk(coll *mongo.Collection, opts *WriteOptions, name, stage string) (*writing, error) {
	var o WriteOptions
	if opts != nil {
		o = *opts
	}
	w, err := newInsert(targetOf(coll), &InsertOptions{
		BatchDocuments: o.BatchDocuments, BatchBytes: o.BatchBytes, Parallelism: o.Parallelism,
		Ordered: o.Ordered, ContinueOnError: o.ContinueOnError, MoveID: o.MoveID,
		AllowEmptyTimestamps: o.AllowEmptyTimestamps, BypassDocumentValidation: o.BypassDocumentValidation,
		Refused: o.Refused, MaxRefused: o.MaxRefused, Comment: o.Comment, WriteConcern: o.WriteConcern,
		RetryTimeout: o.RetryTimeout, MaxLag: o.MaxLag,
	}, name, stage)
	if err == nil {
		w.onlyInserts = false
	}
	return w, err
}

// addWrite puts w into a batch and passes on full batches.
func addWrite(ctx context.Context, r *run, w *Write) error {
	if w.err == nil && w.verb == inserts {
		if w.document.Type != bson.TypeEmbeddedDocument {
			return r.refuse(nil, fmt.Errorf("%w: it is no document", ErrInvalidWrite))
		}
		return r.add(ctx, bson.Raw(w.document.Value))
	}
	l, err := prepareWrite(r, w)
	if err != nil {
		return r.refuse(w.document.Value, err)
	}
	own := len(w.fields) > 0 || w.document.Type == bson.TypeArray
	odd := l.odd && !own && (w.verb == replaces || w.verb == updates && w.setsFields())
	if b := r.open[w.verb]; b != nil && (odd && b.ownForm || b.odd && own) {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	b, err := r.room(ctx, w.verb, w.size())
	if err != nil {
		return err
	}
	if err := b.write(r.index(), w); err != nil {
		return r.refuse(w.document.Value, fmt.Errorf("%w: %w", ErrInvalidWrite, err))
	}
	b.odd = b.odd || odd
	b.ownForm = b.ownForm || own
	return r.added(ctx)
}

// prepareWrite returns why w cannot be sent.
func prepareWrite(r *run, w *Write) (l layout, err error) {
	doc := bson.Raw(w.document.Value)
	switch {
	case w.err != nil:
		return l, w.err
	case !bsonwire.HasFrame(w.filter):
		return l, fmt.Errorf("%w: the filter is not BSON", ErrInvalidWrite)
	case len(doc) > maxDocumentBytes, w.size() > maxDocumentBytes+maxKey:
		return l, ErrTooLarge
	case w.document.Type == 0: // of a deletion
		return l, nil
	case !bsonwire.HasFrame(doc):
		return l, ErrMalformed
	case w.document.Type != bson.TypeEmbeddedDocument:
		return l, nil
	}
	l, ok := layoutOf(doc)
	switch {
	case !ok:
		return l, ErrMalformed
	case w.verb == replaces && l.emptyTimestamp && !r.anyTimestamp:
		return l, fmt.Errorf("%w: of a replacement", ErrEmptyTimestamp)
	case w.verb == replaces && (l.ids > 1 || l.ids == 1 && !l.idFirst):
		return l, ErrIDNotFirst
	}
	return l, nil
}
