package mongosource

import (
	"context"
	"errors"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// Watcher opens change streams, as [*mongo.Collection], [*mongo.Database] and [*mongo.Client] do.
type Watcher interface {
	Watch(ctx context.Context, pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) (
		*mongo.ChangeStream, error)
}

// Watch returns a source of the changes of a collection, a database or, if target is a client, a
// whole deployment. It ends only by an error, an early end, a drain or a cancellation. Every run
// begins after the same position, WatchOptions.After, or with the first change after its start.
//
//		events := stream.Via(mongosource.Watch(cookies, &mongosource.WatchOptions{After: saved}),
//			stream.Checkpoints(func(e mongosource.Event) mongosource.ChangePosition { return e.Position }))
//		stream.Run(ctx, events, stream.StoreBatches(store, savePosition, nil))
//
//	  - Out: one [Event] per change, in the server's order. The downstream owns it. No event is lost
//	    or repeated in a run; what that rests on is described under Change streams above.
//	  - Memory: as [Find], and one event whose fragments are not complete.
//	  - Order and goroutines: the server's order; one goroutine, which reads ahead as in Find.
//	  - Errors: [ErrHistoryLost], [ErrEventTooLarge], [ErrInvalidated], the driver's, wrapped,
//	    [*MalformedError] and [ErrBadReply].
//	  - Classes: after a Retryable or Throttled failure the stream is opened again after the last
//	    event, as often as it takes, unless the Backoff has limits. All other failures are final.
//	  - Early end: as Find. A cancellation closes the cursor on the server within a second.
//	  - Limits: a replica set or a sharded cluster; the rights to find and to open a change stream.
func Watch(target Watcher, opts *WatchOptions) stream.Source[Event] {
	if isNil(target) {
		return stream.Fail[Event](errNilTarget)
	}
	w := &watch{query: &query{name: "watch", of: target}, target: target}
	if opts != nil {
		w.opts = *opts
	}
	if err := w.prepare(); err != nil {
		return stream.Fail[Event](w.invalid(err))
	}
	return stream.SourceFunc[Event](w.each)
}

var errNilTarget = stream.Mark(errors.New("mongosource: watch: the collection, database or client is nil"),
	stream.Fatal)

// isNil reports whether a target is nil or a nil pointer.
func isNil(target Watcher) bool {
	switch t := target.(type) {
	case *mongo.Collection:
		return t == nil
	case *mongo.Database:
		return t == nil
	case *mongo.Client:
		return t == nil
	}
	return target == nil
}

// watch is the description of a [Watch].
type watch struct {
	*query
	target   Watcher
	opts     WatchOptions
	name     string // of the target, for positions; "" if it is not known
	pipeline any
}

// prepare fills in the defaults and checks the settings.
func (w *watch) prepare() (err error) {
	w.name = strings.TrimPrefix(mongoerr.Namespace(w.target), " ")
	if _, all := w.target.(*mongo.Client); all {
		w.name = wholeDeployment
	}
	if err := w.opts.prepare(); err != nil {
		return err
	}
	if w.opts.After.damaged {
		return errDamagedToken
	}
	if at := w.opts.After.target; at != "" && w.name != "" && at != w.name {
		return wrongTarget(at, w.name)
	}
	w.probe = probeWatch(w.target)
	w.pipeline, err = w.opts.stages()
	return err
}

// wholeDeployment stands for a deployment in a position. No database has this name.
const wholeDeployment = "."

// watched returns the database and the collection of the target's cursors on the server. The database
// is nil if the target is not the driver's.
func watched(target Watcher) (db *mongo.Database, coll string) {
	const anyCollection = "$cmd.aggregate"
	switch t := target.(type) {
	case *mongo.Collection:
		return t.Database(), t.Name()
	case *mongo.Database:
		return t, anyCollection
	case *mongo.Client:
		return t.Database("admin"), anyCollection
	}
	return nil, ""
}
