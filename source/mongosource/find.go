// Package mongosource reads from MongoDB: it makes sources of queries, with the official driver.
//
// Documents pass unchanged, byte for byte, as bson.Raw. The downstream owns them.
//
// # Consistency
//
// A query may or may not see concurrent writes. A document that moves in the index that the scan
// reads can come twice or never; an _id never moves, so [Scan] gives every document that exists all
// the time exactly once. [Split] reads the documents of one instant, and checks that the server does.
// Other sources read a snapshot in a session with snapshot reads, if the server does what it says.
//
// # Time
//
// The driver repeats a failed first request once. With a time limit of the client (SetTimeout), it
// repeats the request as often as the time allows, and hides the server's reason: the source asks the
// server for it once more, and joins it to the error. The driver does not ask again for a lost batch:
// the run fails, and [Scan] would continue. A server that accepts a request and never answers blocks
// the run until one of these limits or a cancellation.
//
// A cancelled run waits at most 0.2 s for the reply to a query, which alone has the id of the cursor
// to close. If no reply comes, then or before a time limit, it ends the query's session
// (killSessions) on a server that the ReadPreference of the options allows. [Scan], [Split], and a
// source with NoCursorTimeout have such a session, unless they do not read ahead. Otherwise the
// server closes the cursor when it notices that the connection is closed, or after 10 idle minutes.
//
// # Change streams
//
// [Watch] opens a change stream again after each failure that passes, by the token of its position
// and never at now. It also checks that nothing is left out:
//
//   - It opens the stream one event before its position. The server must send the last event again,
//     first. This proves that the server's log (the oplog) still has that event and all after it. It
//     holds for a position that another process has stored, too.
//   - It opens the stream again in this way, instead of reading on, while the cursor lags behind,
//     after a full batch of a cursor that had caught up, and after a request that waited for a free
//     connection for too long. A server may let a cursor skip changes that have left its log, and send
//     no error.
//
// These checks fail with [ErrHistoryLost]. The following rests on the server alone, which must
// refuse a token that is too old:
//
//   - a position without an event: of the start, of a heartbeat, of a stream that was idle for long,
//     of [AfterToken], and after an invalidation;
//   - a stream with a Pipeline and with documents that the server looks up, because the Pipeline may
//     have filtered by them, and one with images that are Required, because they may be gone;
//   - a log of which all is replaced within ReopenAfter, by fewer events than a batch has.
//
// There is no start by time: if its log begins later, a server may say nothing.
//
// The events of a transaction follow each other on a replica set, but may differ in their cluster
// time. Compare their Transaction, as the example does.
package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

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
//   - Memory: at most three batches: the one that the downstream reads, the next one, and a reply in
//     the driver; one more with CopyDocuments. A batch has usually 4 MiB, at most 16 MiB. A document
//     that is kept keeps its batch, unless CopyDocuments is set. A [stream.Budget] must have 6 MiB, for
//     batches of 2 MiB, and gives 6 MiB more to read ahead if it can; no request is sent before.
//   - Order: the server's, which without a Sort may change from run to run.
//   - Goroutines: one, which reads the next batch while the downstream works on this one (see
//     NoReadAhead). With [stream.WithParallelism], up to three more help it to validate or copy a
//     batch. In a session of the context the source does not read ahead and starts no goroutine.
//   - Errors: the driver's, wrapped, with the number of documents before it; [ErrCursorLost],
//     [ErrMaxTime], [*MalformedError] (see Validate), [ErrBadReply], and [ErrSnapshotTooOld] in a
//     session with snapshot reads. The run completes only at the end of the cursor: any other end
//     is an error.
//   - Classes: a transient failure is Retryable. A collection that was dropped or renamed during
//     the scan, and a snapshot that is too old, are Fatal: another scan would read other documents.
//   - Early end: a drain ([stream.Running.Drain]) ends the source after the current document. Any
//     early end closes the cursor on the server (killCursors) within a second. A server that cannot
//     be reached closes it after 10 idle minutes; that is not an error. See Time above.
func Find(coll Finder, filter any, opts *FindOptions) stream.Source[bson.Raw] {
	var o FindOptions
	if opts != nil {
		o = opts.clone()
	}
	q, err := newFind("find", coll, filter, o)
	if err != nil {
		return stream.Fail[bson.Raw](err)
	}
	return stream.SourceFunc[bson.Raw](q.each)
}

// newFind returns the query of a source of that name.
func newFind(name string, coll Finder, filter any, o FindOptions) (*query, error) {
	q := &query{name: name, of: coll, validate: o.Validate, cursorSettings: cursorSettings{
		batchSize: o.BatchSize, noReadAhead: o.NoReadAhead, copyDocuments: o.CopyDocuments,
		maxTime: o.MaxTime, maxEmptyBatches: o.MaxEmptyBatches,
	}}
	c, ok := coll.(*mongo.Collection)
	if coll == nil || ok && c == nil {
		return nil, q.nilCollection()
	}
	if filter == nil {
		return nil, q.invalid(errors.New("the filter is nil (bson.D{} matches every document)"))
	}
	if err := o.check(); err != nil {
		return nil, q.invalid(err)
	}
	if _, ok := coll.(cloner); !ok && (o.ReadConcern != nil || o.ReadPreference != nil) {
		return nil, q.invalid(fmt.Errorf(
			"a read concern or preference needs a collection with the method Clone, %T has none", coll))
	}
	if ok {
		q.client, q.probe = c.Database().Client(), probeFind(c, o.ReadPreference)
	}
	if o.NoCursorTimeout {
		q.keepAlive = keepAlive
	}
	q.open = func(ctx context.Context, batchSize int32) (*mongo.Cursor, error) {
		return o.collection(coll).Find(ctx, filter, o.driver().SetBatchSize(batchSize))
	}
	return q, nil
}

// cloner is a collection that can return a copy of itself with other options.
type cloner interface {
	Clone(opts ...options.Lister[options.CollectionOptions]) *mongo.Collection
}

// collection returns coll with the read concern and preference of the options.
func (o *FindOptions) collection(coll Finder) Finder {
	if o.ReadConcern == nil && o.ReadPreference == nil {
		return coll
	}
	return withReads(coll.(cloner), o.ReadConcern, o.ReadPreference)
}

// withReads returns a copy of coll with a read concern and preference, if they are not nil.
func withReads(coll cloner, concern *readconcern.ReadConcern, preference *readpref.ReadPref) *mongo.Collection {
	o := options.Collection()
	if concern != nil {
		o.SetReadConcern(concern)
	}
	if preference != nil {
		o.SetReadPreference(preference)
	}
	return coll.Clone(o)
}
