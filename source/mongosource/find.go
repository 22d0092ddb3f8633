// Package mongosource reads from MongoDB: it makes sources of queries, with the official driver.
//
// Documents pass unchanged, byte for byte, as bson.Raw. The downstream owns them.
//
// # Consistency
//
// A query may or may not see concurrent writes. A document that moves in the index that the scan
// reads can come twice or never; an _id never moves, so [Scan] gives every document that exists all
// the time exactly once. For a snapshot, run the source in a session with snapshot reads.
//
// # Time
//
// The driver repeats a failed first request once. With a time limit of the client (SetTimeout), it
// repeats the request as often as the time allows, and then reports only that the time is over. It
// does not ask again for a lost batch: the run fails, and [Scan] would continue. A server that accepts a request and never answers blocks the run until one of these limits
// or a cancellation.
package mongosource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// Finder runs a query, as [*mongo.Collection] does.
//
// Errors contain the name of a Finder that has the methods Name() string and Database()
// *mongo.Database. [FindOptions].ReadConcern and ReadPreference need the method
// Clone(...options.Lister[options.CollectionOptions]) *mongo.Collection.
type Finder interface {
	Find(ctx context.Context, filter any, opts ...options.Lister[options.FindOptions]) (*mongo.Cursor, error)
}

// Find returns a source of the documents of coll that match filter. [bson.D]{} matches every
// document; a nil filter is refused. Every run is a new query.
//
//   - Out: one bson.Raw per document, byte for byte as the server sent it, with its order of keys,
//     duplicate keys and invalid UTF-8. A collection that does not exist is empty.
//   - Memory: three batches, each of BatchSize documents and usually 2 MiB, at most 16 MiB. Small
//     documents share allocations of at most 32 KiB.
//   - Order and goroutines: the server's order; one goroutine, which reads the next batch while the
//     downstream works on this one (see NoReadAhead).
//   - Errors: the driver's, wrapped, with the number of documents before it; [ErrCursorLost],
//     [ErrMaxTime], [*MalformedError] (see Validate) and [ErrBadReply]. The run completes only at
//     the end of the cursor: any other end is an error.
//   - Classes: a transient failure is Retryable. A collection that was dropped or renamed during
//     the scan, and a snapshot that is too old, are Fatal: another scan would read other documents.
//   - Early end: a drain ([stream.Running.Drain]) ends the source after the current document. Any
//     early end closes the cursor on the server (killCursors) within a second. A server that cannot
//     be reached closes it after 10 idle minutes; that is not an error.
func Find(coll Finder, filter any, opts *FindOptions) stream.Source[bson.Raw] {
	q := query{name: "find", coll: coll, filter: filter}
	if opts != nil {
		q.opts = opts.clone()
	}
	if q.opts.NoCursorTimeout {
		q.keepAlive = keepAlive
	}
	if q.opts.MaxEmptyBatches == 0 {
		q.opts.MaxEmptyBatches = defaultEmptyBatches
	}
	if err := q.check(); err != nil {
		return stream.Fail[bson.Raw](err)
	}
	return stream.SourceFunc[bson.Raw](q.each)
}

type query struct {
	name   string // of the source
	coll   Finder
	filter any
	opts   FindOptions

	keepAlive time.Duration // between two refreshes of the session while the downstream is busy; 0 means never
}

// cloner is a collection that can return a copy of itself with other options.
type cloner interface {
	Clone(opts ...options.Lister[options.CollectionOptions]) *mongo.Collection
}

func (q *query) check() error {
	if q.coll == nil {
		return q.nilCollection()
	}
	if c, ok := q.coll.(*mongo.Collection); ok && c == nil {
		return q.nilCollection()
	}
	if q.filter == nil {
		return q.invalid(errors.New("the filter is nil (bson.D{} matches every document)"))
	}
	if err := q.opts.check(); err != nil {
		return q.invalid(err)
	}
	if _, ok := q.coll.(cloner); !ok && (q.opts.ReadConcern != nil || q.opts.ReadPreference != nil) {
		return q.invalid(fmt.Errorf(
			"a read concern or preference needs a collection with the method Clone, %T has none", q.coll))
	}
	return nil
}

func (q *query) nilCollection() error {
	return stream.Mark(fmt.Errorf("mongosource: %s: the collection is nil", q.name), stream.Fatal)
}

// invalid marks an error of settings that cannot work.
func (q *query) invalid(err error) error { return stream.Mark(q.fail(err), stream.Fatal) }

// fail adds the name of the collection to err.
func (q *query) fail(err error) error {
	return fmt.Errorf("mongosource: %s%s: %w", q.name, mongoerr.Namespace(q.coll), err)
}

// collection returns the collection with the read concern and preference of the options.
func (q *query) collection() Finder {
	if q.opts.ReadConcern == nil && q.opts.ReadPreference == nil {
		return q.coll
	}
	o := options.Collection()
	if q.opts.ReadConcern != nil {
		o.SetReadConcern(q.opts.ReadConcern)
	}
	if q.opts.ReadPreference != nil {
		o.SetReadPreference(q.opts.ReadPreference)
	}
	return q.coll.(cloner).Clone(o)
}

// checkDoc returns an error if d is not a document, as far as the options ask.
func (q *query) checkDoc(d []byte) *MalformedError {
	if q.opts.Validate {
		return checkDocument(d)
	}
	return checkFrame(d)
}

// each emits the documents of the query.
func (q *query) each(ctx context.Context, emit func(bson.Raw) error) error {
	drained := stream.Draining(ctx)
	return q.batches(ctx, func(docs []bson.Raw) error {
		for _, doc := range docs {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case <-drained:
				return errEnd
			default:
			}
			if err := emit(doc); err != nil {
				return err
			}
		}
		return nil
	})
}

// batches emits the documents of the query in batches. emit returns errEnd to end it early without
// an error.
func (q *query) batches(ctx context.Context, emit func([]bson.Raw) error) error {
	c := &cursor{
		query:   q,
		wait:    &waitBudget{limited: q.opts.MaxTime > 0, left: q.opts.MaxTime},
		empty:   emptyBatches{limit: q.opts.MaxEmptyBatches},
		drained: stream.Draining(ctx),
	}
	select {
	case <-c.drained:
		return context.Cause(ctx)
	default:
	}
	if q.opts.NoReadAhead || mongo.SessionFromContext(ctx) != nil { // only one goroutine may use a session
		return readInline(ctx, c, emit)
	}
	return readAhead(ctx, c, emit)
}
