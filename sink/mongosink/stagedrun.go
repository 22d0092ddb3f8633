package mongosink

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

const (
	dropTimeout     = 30 * time.Second       // after a failure
	cancelGrace     = 900 * time.Millisecond // after a cancellation, for a rename in flight and clean-up together
	lateWriteWindow = 200 * time.Millisecond // in which a server may still store a batch without a reply
)

// replaceRun is one run of a [ReplaceCollection].
type replaceRun struct {
	replacement
	result ReplaceCollectionResult

	target      bson.Raw // what listCollections said about the target, or nil if it did not exist
	staging     *mongo.Collection
	stagingUUID string // "" if the server gives none
	mayExist    bool   // the staging collection
}

func (r *replaceRun) consume(ctx context.Context, src stream.Source[bson.Raw]) error {
	if err := r.lookAtTarget(ctx); err != nil {
		return cancelCause(ctx, r.fail(err))
	}
	r.result.StagingName = r.stagingName()
	r.staging = r.coll.Database().Collection(r.result.StagingName,
		options.Collection().SetReadPreference(readpref.Primary()))
	ended := false
	defer func() {
		if !ended && r.mayExist { // a panic, which the caller gets
			finishing, done := r.withGrace(ctx)
			defer done()
			_ = r.dropStaging(finishing, errPanicked)
		}
	}()
	indexErr, err := r.stage(ctx, src)
	ended = true
	finishing, done := r.withGrace(ctx)
	defer done()
	if err == nil {
		err = r.publish(ctx, finishing)
	}
	switch {
	case r.result.Target == TargetReplaced && err != nil: // unconfirmed, or without its time limit
		return errors.Join(r.fail(err), indexErr)
	case r.result.Target == TargetReplaced:
		return indexErr
	case r.result.Target != TargetUnchanged:
		r.result.Staging = r.staging.Name()
		return errors.Join(r.fail(err), indexErr)
	case r.mayExist:
		err = r.dropStaging(finishing, err)
	}
	if stream.ClassOf(err) == stream.UnknownOutcome { // of documents in a collection that is gone
		err = stream.Mark(err, stream.Fatal)
	}
	return err
}

// errPanicked stands for a panic of the upstream, or of a function of the options.
var errPanicked = errors.New("panicked")

// lookAtTarget returns an error if the target cannot be replaced.
func (r *replaceRun) lookAtTarget(ctx context.Context) (err error) {
	r.target, err = lookUp(ctx, r.coll.Database(), r.coll.Name())
	if err != nil || r.target == nil {
		return err
	}
	spec, err := readReply(r.target)
	switch {
	case err != nil:
		return err
	case spec.isView() || spec.isTimeSeries():
		return ErrNotReplaceable
	case !r.opts.DropTarget:
		return ErrTargetExists
	}
	return nil
}

// stage fills the staging collection. indexErr says that the server refused indexes.
func (r *replaceRun) stage(ctx context.Context, src stream.Source[bson.Raw]) (indexErr, err error) {
	inserted, err := Insert(r.staging, &r.opts.Insert).Consume(ctx, r.afterCreation(src))
	r.result.InsertResult = inserted
	switch {
	case err != nil:
		return nil, err
	case inserted.Failed+inserted.Unknown > 0: // with an error always
		return nil, r.fail(fmt.Errorf("%d documents were refused and %d may be stored", inserted.Failed,
			inserted.Unknown))
	case inserted.Inserted == 0 && !r.opts.AllowEmpty && r.target != nil:
		if err := r.refuseLoss(ctx); err != nil {
			return nil, cancelCause(ctx, r.fail(err))
		}
	}
	indexes, indexErr := createIndexes(ctx, r.staging, r.opts.Indexes, r.opts.SettleTimeout)
	r.result.Indexes = indexes.Created
	if indexErr != nil && !errors.As(indexErr, new(*IndexError)) {
		return nil, cancelCause(ctx, indexErr)
	}
	if r.opts.Check != nil {
		if err := r.opts.Check(ctx, r.staging); err != nil {
			return nil, err
		}
	}
	if err := r.checkStaging(ctx); err != nil { // last, so that little time is left for others to change it
		return nil, cancelCause(ctx, r.fail(err))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return indexErr, nil
}

// afterCreation returns src, which creates the staging collection before it emits its first element
// or completes: an input that fails at its beginning leaves nothing.
func (r *replaceRun) afterCreation(src stream.Source[bson.Raw]) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		err := guarded.EachAtOnce(ctx, src, func(doc bson.Raw) error {
			if !r.mayExist {
				if err := r.create(ctx); err != nil {
					return err
				}
			}
			return emit(doc)
		})
		if err != nil || r.mayExist {
			return err
		}
		return r.create(ctx)
	})
}

// create creates the staging collection. The time limit of a clustered collection is set when the
// documents are published: until then, none may expire.
func (r *replaceRun) create(ctx context.Context) error {
	spec := r.spec.without(expireOption)
	spec.name = r.staging.Name()
	created, err := r.createOrReplace(ctx, spec)
	switch {
	case err != nil:
		r.mayExist = errors.Is(err, ErrOutcomeUnknown)
		return cancelCause(ctx, r.fail(fmt.Errorf("staging: %w", err)))
	case !created: // not by this run
		r.mayExist = false
		return r.fail(fmt.Errorf("staging: %w", ErrTargetExists))
	}
	have, err := lookUp(ctx, r.coll.Database(), r.staging.Name())
	if err != nil {
		return cancelCause(ctx, r.fail(err))
	}
	r.stagingUUID, r.result.Created = uuidOf(have), true
	return nil
}

// createOrReplace creates the staging collection. If the caller has named it, it replaces one of an
// earlier run. It does so again if a collection appears in between: a server may execute an insert of
// a killed process late, and this insert creates the collection.
func (r *replaceRun) createOrReplace(ctx context.Context, spec collectionSpec) (created bool, err error) {
	for wait := lateWriteWindow / 4; ; wait *= 2 {
		if r.opts.StagingName != "" {
			if err := r.drop(ctx); err != nil {
				return false, fmt.Errorf("drop that of an earlier run: %w", err)
			}
		}
		r.mayExist = true
		created, err = createCollection(ctx, r.coll.Database(), spec, r.opts.SettleTimeout)
		appeared := err == nil && !created || errors.As(err, new(*CollectionConflictError))
		if !appeared || r.opts.StagingName == "" || wait > lateWriteWindow {
			return created, err
		}
		if !sleep(ctx, wait) {
			return false, context.Cause(ctx)
		}
	}
}

const expireOption = "expireAfterSeconds"

// refuseLoss returns [ErrEmptyInput] if the target has a document.
func (r *replaceRun) refuseLoss(ctx context.Context) error {
	return ask(ctx, func(ctx context.Context) error {
		switch err := r.coll.FindOne(ctx, bson.D{}).Err(); {
		case err == nil:
			return ErrEmptyInput
		case errors.Is(err, mongo.ErrNoDocuments):
			return nil
		default:
			return err
		}
	})
}

// checkStaging returns an error if the staging collection is not the one that this run created, or
// has another number of documents than this run inserted.
func (r *replaceRun) checkStaging(ctx context.Context) error {
	have, err := lookUp(ctx, r.coll.Database(), r.staging.Name())
	if err != nil {
		return err
	}
	if have == nil || uuidOf(have) != r.stagingUUID {
		return ErrStagingChanged
	}
	var n int64
	err = ask(ctx, func(ctx context.Context) (err error) {
		n, err = r.staging.CountDocuments(ctx, bson.D{})
		return err
	})
	// A document that was already there came twice, or with an attempt whose reply was lost.
	sent := r.result.Inserted + r.result.AlreadyThere
	switch {
	case err != nil:
		return fmt.Errorf("count the documents: %w", err)
	case n < sent && isTrue(r.spec.option("capped")): // it drops its oldest documents
		return nil
	case n < sent && r.result.AlreadyThere >= sent-n:
		return fmt.Errorf("%d documents came more than once: %w", sent-n, ErrRepeatedID)
	case n != sent:
		return fmt.Errorf("%w: it has %d documents, and %d were inserted", ErrStagingChanged, n, sent)
	}
	return nil
}

// dropStaging drops the staging collection after a failure, and returns cause. If the collection may
// be left, the error says so. A batch in flight would create it again, so it is then dropped more
// than once. ctx is one of withGrace.
func (r *replaceRun) dropStaging(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.opts.CleanupTimeout, dropTimeout))
	defer cancel()
	if have, err := lookUp(ctx, r.coll.Database(), r.staging.Name()); err == nil && have != nil &&
		r.stagingUUID != "" && uuidOf(have) != r.stagingUUID {
		return cause // another run's
	}
	err := r.drop(ctx)
	if r.result.Unknown > 0 || errors.Is(cause, errPanicked) || errors.As(cause, new(*stream.PanicError)) {
		for wait := lateWriteWindow / 4; err == nil && wait <= lateWriteWindow; wait *= 2 {
			sleep(ctx, wait)
			err = r.drop(ctx)
		}
	}
	if err == nil {
		return cause
	}
	r.result.Staging = r.staging.Name()
	left := fmt.Errorf("the staging collection%s could not be dropped: %w", mongoerr.Namespace(r.staging), err)
	return errors.Join(cause, r.fail(left))
}

// drop drops the staging collection, if it exists.
func (r *replaceRun) drop(ctx context.Context) error {
	return ask(ctx, func(ctx context.Context) error { return r.staging.Drop(ctx) })
}

// stagingName returns the name of the staging collection of this run.
func (r *replaceRun) stagingName() string {
	if r.opts.StagingName != "" {
		return r.opts.StagingName
	}
	return r.newName("_restore_")
}

// maxNamespace is the limit in bytes of DATABASE.COLLECTION
// (https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-Length-of-Namespaces).
const maxNamespace = 255

// newName returns a new name for a collection next to the target: the target's name, cut to the
// limit of servers, then infix and a random suffix.
func (r *replaceRun) newName(infix string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	suffix := infix + hex.EncodeToString(b[:])
	name := r.coll.Name()
	if room := maxNamespace - len(r.coll.Database().Name()) - len(".") - len(suffix); len(name) > room {
		for room > 0 && !utf8.RuneStart(name[room]) {
			room--
		}
		name = name[:max(room, 0)]
	}
	return name + suffix
}

// cancelCause returns the cause of ctx if it is canceled and nothing is unknown, and err otherwise.
func cancelCause(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrOutcomeUnknown) {
		return context.Cause(ctx)
	}
	return err
}
