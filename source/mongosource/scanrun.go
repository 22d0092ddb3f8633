package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// scanRun is one run of a [Scan].
type scanRun struct {
	*scan
	uuid    [16]byte // of the collection
	known   bool     // uuid is set
	keep    bool     // ask the server to keep the cursor
	drained <-chan struct{}
	account *stream.Account             // nil without a budget
	span    interval                    // of the _ids to read
	moment  *moment                     // of the snapshot to read; nil for none
	verify  func(context.Context) error // chooses the moment, or proves that the server reads it

	held   bson.Raw // the last document, not emitted yet
	proven bool     // all documents came, from one collection
}

// each emits the documents after the position of the options. When it emits the last one, the run
// is proven.
func (s *scan) each(ctx context.Context, emit func(*scanRun, bson.Raw) error) error {
	if s.opts.Snapshot && mongo.SessionFromContext(ctx) != nil {
		return stream.Mark(s.fail(errSnapshotSession), stream.Fatal)
	}
	after := s.opts.After
	r := &scanRun{
		scan: s, uuid: after.uuid, known: after != Position{}, keep: true,
		drained: stream.Draining(ctx),
	}
	r.narrow(&s.opts.ScanRange)
	q, err := s.query(s.filter, false)
	if err != nil {
		return err
	}
	r.account = q.openAccount(ctx)
	defer r.account.Close()
	if r.isDrained() {
		return context.Cause(ctx)
	}
	batches := r.batches(after.id)
	if after.done {
		batches = stream.SourceFunc[[]bson.Raw](func(ctx context.Context, _ func([]bson.Raw) error) error {
			return r.compare(ctx)
		})
	}
	err = batches.Each(ctx, func(docs []bson.Raw) error { return r.emit(ctx, docs, emit) })
	if err != nil || !r.proven || r.held == nil {
		return finished(err)
	}
	return emit(r, r.held)
}

var errSnapshotSession = errors.New("a snapshot needs its own session, not that of the context")

// batches returns the batches after the document with an id, or all for "". They resume after a
// failure.
func (r *scanRun) batches(id string) stream.Source[[]bson.Raw] {
	backoff := r.opts.Backoff
	backoff.When = r.resumable(backoff.When)
	return stream.Restart(r.from(id),
		func(docs []bson.Raw) string { return idOf(docs[len(docs)-1]) },
		r.from, &stream.RestartOptions{Backoff: backoff})
}

// emit emits the document held back and docs, except for the last one, which it holds back.
func (r *scanRun) emit(ctx context.Context, docs []bson.Raw, emit func(*scanRun, bson.Raw) error) error {
	for i, doc := range docs {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case r.isDrained():
			return errEnd
		case !hasID(doc):
			return r.fail(errNoID)
		}
		if r.held != nil {
			if err := emit(r, r.held); err != nil {
				return err
			}
		}
		if i == len(docs)-1 && r.inPlace() {
			doc = detachLast(docs)
		}
		r.held = doc
	}
	return nil
}

// isDrained reports whether the run is drained.
func (r *scanRun) isDrained() bool {
	select {
	case <-r.drained:
		return true
	default:
		return false
	}
}

// resumable returns the condition for resuming after an error; more adds to it if it is not nil.
// Code 175 says that the collection was dropped or renamed, or only that an index was dropped. The
// UUID decides.
func (r *scanRun) resumable(more func(error) bool) func(error) bool {
	return func(err error) bool {
		const queryPlanKilled = 175
		var server mongo.ServerError
		return stream.ClassOf(err).Transient() ||
			errors.As(err, &server) && server.HasErrorCode(queryPlanKilled) || more != nil && more(err)
	}
}

// from returns the batches after the document with an id, or all for "". It completes only if the
// collection is the same before and after them.
func (r *scanRun) from(id string) stream.Source[[]bson.Raw] {
	return stream.SourceFunc[[]bson.Raw](func(ctx context.Context, emit func([]bson.Raw) error) error {
		if err := r.compare(ctx); err != nil {
			return err
		}
		if err := r.findAfter(ctx, id, emit); err != nil || r.isDrained() {
			return err
		}
		if err := r.compare(ctx); err != nil {
			return err
		}
		if r.moment != nil {
			if err := r.verify(ctx); err != nil && !errors.Is(err, ErrSnapshotTooOld) {
				return err // a time that became too old since was not ignored
			}
		}
		r.proven = true
		return nil
	})
}

// findAfter emits the batches of the interval after the document with an id, or all for "".
func (r *scanRun) findAfter(ctx context.Context, id string, emit func([]bson.Raw) error) error {
	from := r.span.begin(id)
	if filter, last := r.span.within(from); filter != nil {
		err := r.find(ctx, both(r.filter, filter), func(docs []bson.Raw) error {
			// Read the _id before emit, because the downstream owns the documents after it.
			end := limit{"$gt", idOf(docs[len(docs)-1])}
			if err := emit(docs); err != nil {
				return err
			}
			from = end
			return nil
		})
		if err != nil || last || r.isDrained() {
			return err
		}
	}
	return r.find(ctx, both(r.filter, r.span.across(from)), emit)
}

// find runs one query. If the server refuses it with noCursorTimeout, as some do, it repeats it
// without.
func (r *scanRun) find(ctx context.Context, filter any, emit func([]bson.Raw) error) error {
	came := false
	err := r.findOnce(ctx, filter, r.keep, func(docs []bson.Raw) error {
		came = true
		return emit(docs)
	})
	var server mongo.ServerError
	if err == nil || came || !r.keep || !errors.As(err, &server) || r.resumable(nil)(err) {
		return err
	}
	if again := r.findOnce(ctx, filter, false, emit); again != nil {
		return again
	}
	r.keep = false
	return nil
}

func (r *scanRun) findOnce(ctx context.Context, filter any, keep bool, emit func([]bson.Raw) error) error {
	q, err := r.query(filter, keep)
	if err != nil {
		return err
	}
	if r.moment != nil {
		if err := r.verify(ctx); err != nil {
			return err
		}
	}
	q.at = r.moment.time()
	return q.batches(ctx, r.account, emit)
}

// compare returns an error if the collection is not the one with which the scan began.
func (r *scanRun) compare(ctx context.Context) error {
	uuid, err := identify(ctx, r.coll)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errAbsent) && r.known:
		return r.fail(ErrCollectionChanged)
	case errors.Is(err, errAbsent):
		return r.fail(fmt.Errorf("%w: %w", ErrNotResumable, err))
	case err != nil:
		return r.fail(err)
	case r.known && uuid != r.uuid:
		return r.fail(ErrCollectionChanged)
	}
	r.uuid, r.known = uuid, true
	return nil
}

var errNoID = fmt.Errorf("%w: a document has no _id (the projection must keep it)", ErrNotResumable)
