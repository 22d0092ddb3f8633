// Package mongosource reads from MongoDB: it makes sources of queries, through the official driver.
//
// Documents pass as they are stored, byte for byte, as bson.Raw. What a source emits belongs to its downstream.
package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// Finder runs a query. [*mongo.Collection] is one.
//
// A Finder that also has the methods Name() string and Database() *mongo.Database is named in errors; one that has
// Clone(...options.Lister[options.CollectionOptions]) *mongo.Collection can be given a read concern and a read preference.
type Finder interface {
	Find(ctx context.Context, filter any, opts ...options.Lister[options.FindOptions]) (*mongo.Cursor, error)
}

// Find returns a source of the documents of coll that match filter, as they are stored. [bson.D]{} matches all; a nil filter
// is refused.
//
//   - Out: one bson.Raw a document, byte for byte as the server sent it. Keys, their order, duplicates and invalid UTF-8 are
//     kept. A collection that does not exist is empty, as for the server.
//   - Memory: one batch of the cursor, at most 16 MiB and BatchSize documents. Documents are copied out of it, several small
//     ones into one slab of at most 32 KiB: who keeps a small document keeps its slab.
//   - Order and goroutines: the server's order; fused, it starts no goroutine.
//   - Errors: the driver's, wrapped, with the number of documents before; [ErrCursorLost] when the server gave the cursor up
//     (a restart, or a downstream slower than the server's patience of 10 minutes a batch and 30 minutes a session),
//     [ErrMaxTime], [*MalformedError] for what is not a document (see Validate), [ErrBadReply] for a reply that the driver
//     cannot read, or empty batches without end (see MaxEmptyBatches). Every end that is not the end of the cursor is an error.
//   - Classes: what the server and the driver report is classified. Retryable is what passes; the
//     collection dropped or renamed in mid-scan, or a snapshot too old, is Fatal, because another
//     scan would read something else.
//   - The driver repeats a failed first request once; with MaxTime, a deadline of the context or a
//     time limit of the client (SetTimeout), as often as the time allows. A lost batch is not asked
//     for again: the run fails, and [stream.Restart] can go on (see the example).
//   - Without any of these nothing ends the wait for a server that takes a request and never answers, but for a cancellation.
//   - A drain of the run ([stream.Running.Drain]) ends it after the document in hand.
//   - Early end, failure, cancellation: the cursor is closed on the server (killCursors), within a second. A server that cannot be
//     reached then closes it itself when it has been idle for 10 minutes; that is no error.
//   - A scan sees what is written meanwhile or does not; a document that moves in the index that is read can come twice or never.
//     For a scan that is repeatable in its order, hint the _id index. A snapshot needs a session with snapshot reads in the context.
//   - Every run is a new query.
func Find(coll Finder, filter any, opts *FindOptions) stream.Source[bson.Raw] {
	q := query{coll: coll, filter: filter}
	if opts != nil {
		q.opts = opts.clone()
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
	coll   Finder
	filter any
	opts   FindOptions
}

// cloner is a collection that can be had with other options.
type cloner interface {
	Clone(opts ...options.Lister[options.CollectionOptions]) *mongo.Collection
}

func (q *query) check() error {
	if q.coll == nil {
		return errNilCollection
	}
	if c, ok := q.coll.(*mongo.Collection); ok && c == nil {
		return errNilCollection
	}
	if q.filter == nil {
		return q.wrong(errors.New("the filter is nil (bson.D{} matches every document)"))
	}
	if err := q.opts.check(); err != nil {
		return q.wrong(err)
	}
	if _, ok := q.coll.(cloner); !ok && (q.opts.ReadConcern != nil || q.opts.ReadPreference != nil) {
		return q.wrong(fmt.Errorf("a read concern or preference needs a collection with the method Clone, %T has none", q.coll))
	}
	return nil
}

var errNilCollection = stream.Mark(errors.New("mongosource: find: the collection is nil"), stream.Fatal)

// wrong is the error of settings that cannot work.
func (q *query) wrong(err error) error { return stream.Mark(q.fail(err), stream.Fatal) }

// fail says where err happened.
func (q *query) fail(err error) error {
	return fmt.Errorf("mongosource: find%s: %w", mongoerr.Namespace(q.coll), err)
}

func (q *query) each(ctx context.Context, emit func(bson.Raw) error) error {
	select {
	case <-stream.Draining(ctx):
		return context.Cause(ctx)
	default:
	}
	coll := q.coll
	if q.opts.ReadConcern != nil || q.opts.ReadPreference != nil {
		o := options.Collection()
		if q.opts.ReadConcern != nil {
			o.SetReadConcern(q.opts.ReadConcern)
		}
		if q.opts.ReadPreference != nil {
			o.SetReadPreference(q.opts.ReadPreference)
		}
		coll = coll.(cloner).Clone(o)
	}
	wait := &patience{limited: q.opts.MaxTime > 0, left: q.opts.MaxTime}
	var cur *mongo.Cursor
	err := wait.call(ctx, func(ctx context.Context) (err error) {
		defer mongoerr.Recover(&err)
		cur, err = coll.Find(ctx, q.filter, q.opts.driver())
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return q.fail(classify(err))
	}
	if cur == nil {
		return q.wrong(errors.New("the collection returned neither a cursor nor an error"))
	}
	r := reading{check: checkFrame, wait: wait, empty: emptyBatches{limit: q.opts.MaxEmptyBatches}, fail: q.fail}
	if q.opts.Validate {
		r.check = checkDocument
	}
	return r.drain(ctx, cur, emit)
}
