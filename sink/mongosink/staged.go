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
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// ReplaceCollectionOptions tunes [ReplaceCollection]. The zero value creates a collection without
// options and indexes that must not exist yet.
type ReplaceCollectionOptions struct {
	// Insert tunes the insertion of the documents. Its WriteConcern must be majority, or one that
	// the replica set defines by a name. nil means majority, whatever the collection has.
	Insert InsertOptions

	// Description has the options of the new collection, as listCollections gives them
	// ([CreateCollections]). Its name is ignored. nil means no options. A validator in it refuses
	// documents, although a collection may hold documents that its validator would refuse: to
	// restore them, set Insert.BypassDocumentValidation.
	Description bson.Raw

	// Indexes are created when all documents are inserted, before the rename, as [CreateIndexes]
	// does. If the server refuses some, the collection is published without them, and the error is
	// an [*IndexError].
	Indexes []bson.Raw

	// DropTarget replaces a collection that exists, with its documents, options and indexes.
	// Without it, a collection that exists is an error ([ErrTargetExists]).
	DropTarget bool

	// AllowEmpty lets an empty input replace a collection that has documents. Without it, that is
	// an error ([ErrEmptyInput]).
	AllowEmpty bool

	// Check is called when all documents and indexes are in staging, before they are counted and
	// renamed. If it returns an error, the target is unchanged.
	Check func(ctx context.Context, staging *mongo.Collection) error

	// StagingName is the name of the staging collection. "" means a new name for each run, the
	// target's with _restore_ and 8 random digits. With a name, a run that was killed leaves
	// nothing that the next run does not remove: it drops a collection of that name first. So the
	// name must be used for nothing else, and by one run at a time. If a second run takes the name,
	// the first one ends with [ErrStagingChanged].
	StagingName string

	// SettleTimeout is how long the sink looks for the effect of a command whose reply was lost, and
	// repeats the command. 0 means 30 seconds.
	SettleTimeout time.Duration

	// CleanupTimeout is how long the staging collection may take to be dropped after a failure.
	// After a cancellation, it is the limit of that and of the answer to a rename that was sent
	// before, both together. 0 means 30 seconds, and less than a second after a cancellation.
	CleanupTimeout time.Duration
}

// Target says what a [ReplaceCollection] did to its target.
type Target int

// The states of a target.
const (
	TargetUnchanged Target = iota // as before the run
	TargetReplaced                // the new collection
	TargetMoved                   // missing: the old and the new collection have other names
	TargetUnknown                 // it may have been replaced
)

// String returns the state in words.
func (t Target) String() string {
	return [...]string{"unchanged", "replaced", "moved", "unknown"}[t]
}

// ReplaceCollectionResult says what a [ReplaceCollection] did, also if it failed.
type ReplaceCollectionResult struct {
	InsertResult // into the staging collection
	Target       Target
	Indexes      int64  // created
	StagingName  string // of the staging collection, also if it was renamed or dropped
	Created      bool   // the staging collection was created
	Staging      string // StagingName if the staging collection exists, or may exist, after the run; or ""
	Old          string // the old collection, if it exists or may exist under this name; or ""
}

// The errors of [ReplaceCollection]. Their class is Fatal.
var (
	// ErrTargetExists says that the target exists, and DropTarget was not set, or that it appeared,
	// or was replaced by another, during the run.
	ErrTargetExists = stream.Mark(errors.New("the collection exists"), stream.Fatal)

	// ErrEmptyInput says that the input was empty and the target has documents.
	ErrEmptyInput = stream.Mark(
		errors.New("the input is empty, and would replace a collection that has documents"), stream.Fatal)

	// ErrNotReplaceable says that the target is, or should become, a view or a time series. Servers
	// cannot rename these. Create it with [CreateCollections], and fill it with [Insert].
	ErrNotReplaceable = stream.Mark(errors.New("servers rename no view and no time series"), stream.Fatal)

	// ErrStagingChanged says that the staging collection does not have exactly the documents that
	// were inserted, or was dropped or created again during the run: something else writes there. It
	// was not published, unless the result says TargetUnknown: then another collection of its name was.
	ErrStagingChanged = stream.Mark(errors.New("another program changed the staging collection"), stream.Fatal)

	// ErrExpiryNotSet says that the target was replaced, and that its documents do not expire: the
	// server did not set the expireAfterSeconds of a clustered collection. Set it with collMod.
	ErrExpiryNotSet = stream.Mark(
		errors.New("the collection was replaced, and expireAfterSeconds could not be set"), stream.Fatal)
)

// ReplaceCollection returns a sink that makes a collection of its input and publishes it as coll
// when it is complete: the documents go into a staging collection in the same database, which is
// then renamed.
//
//   - In, memory, order and goroutines, limits: as [Insert].
//   - Result: [ReplaceCollectionResult], also with an error.
//   - Before the first document, the target is looked at. The staging collection is created when
//     the first document comes, or the end of the input. Before the rename, its documents are
//     counted, and its UUID is compared.
//   - Rename: the server compares the UUIDs (since MongoDB 6.0), and the sink looks again afterwards. A
//     lost reply is settled by the UUIDs, by looking and repeating. A server that cannot replace a
//     collection in one step (FerretDB) renames the old one first, and drops it last.
//   - Failure: the staging collection is dropped and the target is unchanged. Otherwise
//     the result and the error name the collections that are left.
//   - Errors: as Insert, [ErrTargetExists], [ErrEmptyInput], [ErrNotReplaceable],
//     [ErrStagingChanged], [ErrRepeatedID] if the input has a document twice; [ErrOutcomeUnknown]
//     if the target may have been replaced, or was replaced under a write concern that was not met.
//     With TargetReplaced, [*IndexError] and [ErrExpiryNotSet] say what the collection lacks.
//     [ErrNoLag] with MaxLag.
//     If the target is unchanged, the class is not UnknownOutcome.
//   - Cancellation: a rename that was sent has a second, or CleanupTimeout, to be answered.
func ReplaceCollection(
	coll *mongo.Collection, opts *ReplaceCollectionOptions,
) stream.Sink[bson.Raw, ReplaceCollectionResult] {
	r := replacement{}
	if opts != nil {
		r.opts = *opts
	}
	if coll != nil { // a secondary may lag
		r.coll = coll.Clone(options.Collection().SetReadPreference(readpref.Primary()))
	}
	r.opts.SettleTimeout = cmp.Or(r.opts.SettleTimeout, defaultSettle)
	r.opts.Insert.WriteConcern = cmp.Or(r.opts.Insert.WriteConcern, writeconcern.Majority())
	err := r.check()
	type documents = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, ReplaceCollectionResult](
		func(ctx context.Context, src documents) (ReplaceCollectionResult, error) {
			if err != nil {
				return ReplaceCollectionResult{}, err
			}
			run := &replaceRun{replacement: r}
			err := run.consume(ctx, src)
			return run.result, err
		})
}

// replacement is the description of a [ReplaceCollection].
type replacement struct {
	coll *mongo.Collection
	opts ReplaceCollectionOptions
	spec collectionSpec // of the new collection
}

func (r *replacement) check() error {
	if r.coll == nil {
		return stream.Mark(errors.New("mongosink: replace collection: the collection is nil"), stream.Fatal)
	}
	if err := errors.Join(r.opts.Insert.check(), checkLasting(r.opts.Insert.WriteConcern)); err != nil {
		return r.invalid(err)
	}
	if r.opts.SettleTimeout < 0 || r.opts.CleanupTimeout < 0 {
		return r.invalid(fmt.Errorf("SettleTimeout is %v and CleanupTimeout is %v; they must not be negative",
			r.opts.SettleTimeout, r.opts.CleanupTimeout))
	}
	if r.opts.StagingName == r.coll.Name() {
		return r.invalid(errors.New("the staging collection has the name of the target"))
	}
	if r.opts.Description != nil {
		spec, err := readSpec(r.opts.Description)
		switch {
		case err != nil:
			return r.invalid(err)
		case spec.isView() || spec.isTimeSeries():
			return r.invalid(ErrNotReplaceable)
		}
		r.spec = spec
	}
	for _, index := range r.opts.Indexes {
		if _, _, err := ConvertIndex(index); err != nil {
			return r.invalid(err)
		}
	}
	return nil
}

// checkLasting returns an error for a write concern with which a failover may lose documents. How
// many members are a majority is not known, so it refuses every number.
func checkLasting(c *writeconcern.WriteConcern) error {
	if _, named := c.W.(string); !named {
		return errors.New("the write concern must be majority, or one that the replica set defines by a name")
	}
	if c.Journal != nil && !*c.Journal {
		return errors.New("the write concern must not do without the journal")
	}
	return nil
}

// invalid marks an error of settings that cannot work.
func (r *replacement) invalid(err error) error { return stream.Mark(r.fail(err), stream.Fatal) }

// fail adds the name of the collection to err.
func (r *replacement) fail(err error) error {
	return fmt.Errorf("mongosink: replace collection%s: %w", mongoerr.Namespace(r.coll), err)
}
