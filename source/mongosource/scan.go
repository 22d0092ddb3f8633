package mongosource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// ScanOptions tunes [Scan]. The zero value is ready to use. The fields that FindOptions has too
// mean the same.
type ScanOptions struct {
	// After continues a scan of the same collection and filter after a stored position. The zero
	// value begins with the first document. After a position that is Done there is nothing.
	After Position
	ScanRange

	Projection    any // must keep the _id unchanged
	BatchSize     int
	NoReadAhead   bool
	CopyDocuments bool
	Hint          any
	Comment       any
	Validate      bool

	ReadConcern    *readconcern.ReadConcern // nil means majority
	ReadPreference *readpref.ReadPref       // nil means the collection's

	// Backoff says how often a scan that does not advance resumes, and after what delay. When adds
	// to what a resumed scan can survive anyway: see the classes of [Scan].
	stream.Backoff

	// KeepAlive is the time between two refreshes of the cursor's session while the downstream is
	// busy, so that the server keeps the cursor (with noCursorTimeout). 0 means 5 minutes, a
	// negative number means never. If the server refuses noCursorTimeout, the scan does without.
	KeepAlive time.Duration
}

// ErrNotResumable says that a scan of this kind could not continue after a failure without losing
// or repeating documents. Use [Find]. Its class is Fatal.
var ErrNotResumable = stream.Mark(errors.New("the query cannot be resumed"), stream.Fatal)

// ErrCollectionChanged says that the collection is not the one with which the scan, or the stored
// position, began: it was dropped, renamed, or created again. Its class is Fatal.
var ErrCollectionChanged = stream.Mark(
	errors.New("the collection was dropped, renamed or created again"), stream.Fatal)

// Scan returns a source of the documents of coll that match filter, in the order of their _id.
// After a failure it continues exactly after the last document that it emitted. [bson.D]{} matches
// every document.
//
//   - Out: one bson.Raw per document, as from [Find]. Without concurrent writes, each document
//     comes once, whatever the types of the _ids.
//   - Memory, goroutines, early end: as Find. One document is held back until the next one comes:
//     the last is emitted only when the collection has the same UUID as at the beginning. In a
//     session of the context, Scan does not read ahead.
//   - Errors: as Find. [ErrNoSnapshot] and [ErrSnapshotTooOld] of a [ScanRange];
//     [ErrCollectionChanged] if the collection was dropped, renamed or replaced;
//     [ErrNotResumable] for a collection that does not exist, a view, a time series, $near, or
//     documents without their _id.
//   - Classes: a Retryable or Throttled failure, and one that the server explains by a dropped or
//     renamed collection (175), resumes the scan after comparing the UUID. When the Backoff gives
//     up, the last error is returned. A batch that the downstream took resets it, after the time
//     ResetAfter if that is set.
//   - Limits: _ids must be unique, which a sharded collection guarantees only if it is sharded by
//     _id. The UUID comes from the primary: a secondary that lags may lack documents, or the whole
//     collection. The user needs the right to list the database's collections.
func Scan(coll *mongo.Collection, filter any, opts *ScanOptions) stream.Source[bson.Raw] {
	s, err := newScan("scan", coll, filter, opts)
	if err != nil {
		return stream.Fail[bson.Raw](err)
	}
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		return s.each(ctx, func(_ *scanRun, doc bson.Raw) error { return emit(doc) })
	})
}

// ScanCheckpoints is like [Scan], also in its errors, such as [ErrNoSnapshot]. It puts each document
// into an envelope with its position, for a scan that a later process continues. [stream.Acknowledge]
// saves positions after the documents are stored:
//
//	docs := mongosource.ScanCheckpoints(cookies, bson.D{}, &mongosource.ScanOptions{After: saved})
//	stream.Run(ctx, stream.Via2(docs,
//		stream.CarryBatch(stream.Batch[mongosource.Checkpointed](1000)),
//		stream.MapParallel(4, stream.OnValue[stream.Checkpoint[mongosource.Position]](insert)),
//	), stream.Acknowledge[Receipt](save))
//
// The position of the last document is Done.
func ScanCheckpoints(coll *mongo.Collection, filter any, opts *ScanOptions) stream.Source[Checkpointed] {
	s, err := newScan("scan", coll, filter, opts)
	if err != nil {
		return stream.Fail[Checkpointed](err)
	}
	type placed = stream.Envelope[bson.Raw, Position]
	docs := stream.SourceFunc[placed](func(ctx context.Context, emit func(placed) error) error {
		return s.each(ctx, func(r *scanRun, doc bson.Raw) error {
			return emit(placed{Value: doc, Context: Position{r.uuid, idOf(doc), r.proven}})
		})
	})
	return stream.Via2(docs,
		stream.Checkpoints(func(e placed) Position { return e.Context }),
		stream.Map(func(e stream.Envelope[placed, stream.Checkpoint[Position]]) Checkpointed {
			return Checkpointed{Value: e.Value.Value, Context: e.Context}
		}))
}

// Checkpointed is a document with its position, as [ScanCheckpoints] emits it.
type Checkpointed = stream.Envelope[bson.Raw, stream.Checkpoint[Position]]

// scan is the description of a scan.
type scan struct {
	name   string // of the source
	coll   *mongo.Collection
	filter any
	opts   ScanOptions
}

func newScan(name string, coll *mongo.Collection, filter any, opts *ScanOptions) (*scan, error) {
	s := &scan{name: name, coll: coll, filter: filter}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.KeepAlive == 0 {
		s.opts.KeepAlive = keepAlive
	}
	concern := s.opts.ReadConcern
	if concern == nil {
		s.opts.ReadConcern = readconcern.Majority()
	}
	q, err := s.query(filter, true)
	if err != nil {
		return nil, err
	}
	if err := s.opts.check(&s.opts, concern); err != nil {
		return nil, q.invalid(err)
	}
	if operator := ordered(filter); operator != "" {
		return nil, q.fail(fmt.Errorf("%w: %s has its own order", ErrNotResumable, operator))
	}
	if !keepsID(s.opts.Projection) {
		return nil, q.fail(fmt.Errorf("%w: the projection must keep the _id as it is", ErrNotResumable))
	}
	return s, nil
}

// query returns the query of the documents that match filter. keep asks the server to keep its
// cursor.
func (s *scan) query(filter any, keep bool) (*query, error) {
	o := s.opts
	keep = keep && o.KeepAlive > 0
	q, err := newFind(s.name, s.coll, filter, FindOptions{
		Sort:       bson.D{{Key: "_id", Value: 1}},
		Projection: o.Projection, BatchSize: o.BatchSize, NoReadAhead: o.NoReadAhead,
		CopyDocuments: o.CopyDocuments, Hint: o.Hint, Comment: o.Comment, Validate: o.Validate,
		ReadConcern: o.ReadConcern, ReadPreference: o.ReadPreference,
		NoCursorTimeout: keep,
	})
	if err == nil && keep {
		q.keepAlive = o.KeepAlive
	}
	return q, err
}

// inPlace reports whether the documents of a batch are parts of one reply.
func (s *scan) inPlace() bool { return !s.opts.CopyDocuments && ownsReplies() }

// fail adds the name of the collection to err.
func (s *scan) fail(err error) error {
	return fmt.Errorf("mongosource: %s%s: %w", s.name, mongoerr.Namespace(s.coll), err)
}
