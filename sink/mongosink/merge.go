package mongosink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// MergeOptions tunes [Merge]. The zero value is ready to use.
type MergeOptions struct {
	// Insert tunes the insertion of the missing documents.
	Insert InsertOptions

	// DryRun compares all documents with the collection and inserts none. If it finds no conflict,
	// a merge of the same documents has none, with one exception: two documents of the input with
	// one _id, far from each other, are only found when the second one is inserted.
	DryRun bool

	// LookupTimeout is how long the server may take to look up a batch of documents. It may have to
	// read the whole collection if the _ids are documents. 0 means 10 minutes.
	LookupTimeout time.Duration

	// InsertWithoutID inserts documents without an _id. Each run inserts them again, because
	// nothing identifies them in the collection. Without it, such a document is an error
	// ([ErrNoID]).
	InsertWithoutID bool
}

// MergeResult counts documents, also if the merge failed.
type MergeResult struct {
	InsertResult       // of the missing documents
	Present      int64 // documents that the collection has already, byte for byte
	Missing      int64 // documents that the collection does not have
}

// ErrNotRepeatable says that a merge into the collection could not be run again: it is a view, a
// time series, which has no unique _id, or a capped collection, which drops documents. Use
// [ReplaceCollection], or [Insert] into a new collection. Its class is Fatal.
var ErrNotRepeatable = stream.Mark(
	errors.New("documents cannot be merged into a view, a time series or a capped collection"), stream.Fatal)

// More reasons for which a document is not inserted, as the cause of a [DocumentError]. Their class
// is Data.
var (
	// ErrNoID says that a document has no _id. See [MergeOptions].InsertWithoutID.
	ErrNoID = stream.Mark(errors.New("it has no _id, by which the collection would be searched"), stream.Data)

	// ErrRepeatedID says that the input has two documents with one _id.
	ErrRepeatedID = stream.Mark(errors.New("the input has two documents with this _id"), stream.Data)

	// ErrConflict says that the collection has a document with the same _id and other bytes. In an
	// [InsertError], it comes with [ErrDuplicate].
	ErrConflict = stream.Mark(errors.New("the collection has another document with this _id"), stream.Data)

	// ErrInvalidID says that servers take no such _id: an array, a regular expression, undefined, or
	// a document with a field that begins with $.
	ErrInvalidID = stream.Mark(errors.New("no server takes a value like this as the _id"), stream.Data)
)

// Merge returns a sink that inserts the documents of its input that coll does not have. It looks up
// each _id: a document that is there byte for byte is left alone, one with other bytes is a
// conflict. So an interrupted merge can be run again and ends in the same state.
//
//   - In: BSON documents with an _id.
//   - Result: the counts of [MergeResult], also with an error.
//   - Memory: as [Insert], and two look-ups of up to 4 MiB of documents (or one larger document),
//     each with a reply of the same size.
//   - Order and goroutines: as Insert, whose goroutines send the batches. Documents whose _id is a
//     document are looked up separately, because a server may read the whole collection for these.
//   - Conflicts: [*DocumentError] with [ErrConflict] ends the run. Documents that were inserted
//     before stay. If the collection must not have a part of the input, run a merge with DryRun
//     first.
//   - Errors: as Insert; [ErrNotRepeatable]; [*DocumentError] with [ErrConflict], [ErrNoID],
//     [ErrInvalidID] or [ErrRepeatedID], which is found if the two documents are close to each
//     other; [ErrBadDescription] if the server describes the collection in an unknown form;
//     [ErrNoLag] with MaxLag. A document that another program inserts during the run is refused as a
//     duplicate.
//   - Limits: a collection with a collation takes some _ids for equal; then a document with an equal
//     _id is a conflict.
func Merge(coll *mongo.Collection, opts *MergeOptions) stream.Sink[bson.Raw, MergeResult] {
	m := merge{}
	if opts != nil {
		m.opts = *opts
	}
	if coll != nil { // a secondary may lag
		m.coll = coll.Clone(options.Collection().SetReadPreference(readpref.Primary()))
	}
	m.opts.LookupTimeout = cmp.Or(m.opts.LookupTimeout, 10*time.Minute)
	err := m.check()
	if err == nil {
		m.insertion, err = newInsert(targetOf(m.coll), &m.opts.Insert, "insert", "Insert")
	}
	type documents = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, MergeResult](func(ctx context.Context, src documents) (MergeResult, error) {
		if err != nil {
			return MergeResult{}, err
		}
		run := &mergeRun{merge: m}
		err := run.consume(ctx, src)
		return run.result, err
	})
}

// merge is the description of a [Merge].
type merge struct {
	coll      *mongo.Collection
	opts      MergeOptions
	insertion *writing // of the missing documents
}

func (m *merge) check() error {
	if m.coll == nil {
		return stream.Mark(errors.New("mongosink: merge: the collection is nil"), stream.Fatal)
	}
	if err := m.opts.Insert.check(); err != nil {
		return stream.Mark(m.fail(err), stream.Fatal)
	}
	if m.opts.LookupTimeout < 0 {
		return stream.Mark(m.fail(fmt.Errorf("LookupTimeout is %v; it must not be negative", m.opts.LookupTimeout)),
			stream.Fatal)
	}
	return nil
}

// fail adds the name of the collection to err.
func (m *merge) fail(err error) error {
	return fmt.Errorf("mongosink: merge%s: %w", mongoerr.Namespace(m.coll), err)
}

// mergeRun is one run of a [Merge].
type mergeRun struct {
	merge
	result MergeResult
}

func (r *mergeRun) consume(ctx context.Context, src stream.Source[bson.Raw]) error {
	if err := r.checkKind(ctx); err != nil {
		return cancelCause(ctx, r.fail(err))
	}
	if r.opts.DryRun {
		l := &lookups{run: r, emit: func(candidate) error { return nil }}
		return l.each(ctx, src)
	}
	inserted, err := r.insertion.run(ctx, func(ctx context.Context, inserting *run) error {
		l := &lookups{run: r, emit: func(c candidate) error {
			inserting.offset = c.index - inserting.count
			return inserting.add(ctx, c.doc)
		}}
		return l.each(ctx, src)
	})
	r.result.InsertResult = insertResult(inserted)
	return err
}

// checkKind returns [ErrNotRepeatable] if the collection has no unique _id, or drops documents.
func (r *mergeRun) checkKind(ctx context.Context) error {
	var have bson.Raw
	err := r.retry(ctx, func() (err error) {
		have, err = lookUp(ctx, r.coll.Database(), r.coll.Name())
		return err
	})
	if err != nil || have == nil {
		return err
	}
	spec, err := readReply(have)
	switch {
	case err != nil:
		return err
	case spec.isView() || spec.isTimeSeries() || isTrue(spec.option("capped")):
		return ErrNotRepeatable
	}
	return nil
}

// retry calls read again after failures that pass, as long as a batch would be sent again.
func (m *merge) retry(ctx context.Context, read func() error) error {
	return lookAgain(ctx, &pauses{limit: m.insertion.retryTimeout}, sleep, read)
}
