package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Restore returns a job that makes the collections of the backup in a deployment. Nothing can be seen
// under the name of a target before everything is proven.
//
//   - Units: collections. Each is filled under a name of its own in the target's database, with its
//     options and indexes, read back, and compared with the backup. Servers cannot rename a time
//     series, and Merge has nothing to rename: these are verified as a whole, as are users and roles.
//   - Finish gives the collections their names, fills time series, merges, creates views, sets time
//     limits (TTL), and restores roles and users.
//   - Repetition: run the job again after any failure. What was prepared is used again, and a target
//     that has exactly its documents already is left alone. [Abandoner] removes what was prepared.
//   - Cost: every restored document is read back once. With DropTarget, the server holds the old
//     and the new documents until the job finishes.
//   - Memory: for each unit that of [mongosink.Insert], and a chunk and 64 documents for each segment
//     that is read.
//   - Errors: [ErrDamaged], [ErrNotFound] and those of the codecs for a damaged backup;
//     [ErrTargetExists]; [ErrNotEqual]; [ErrMetadata] if all documents are restored and the server
//     refused something of the rest; those of [mongosink.ReplaceCollection].
func (v *View) Restore(client *mongo.Client, opts *RestoreOptions) Job {
	return newRestore(v, client, opts)
}

// Abandoner is a [Job] that can remove what it left in the target. Call it for a job that failed
// and will not be run again. What Finish made visible stays. If Finish left a time series that the
// server may still fill, Abandon leaves it and returns [ErrSeriesIncomplete].
type Abandoner interface {
	Abandon(ctx context.Context) error
}

// Errors of a restore.
var (
	// ErrTargetExists means that a target exists and does not have the documents that it would get.
	// Its class is Fatal.
	ErrTargetExists = fatal("the target exists with other documents: restore under another name, " +
		"or set DropTarget or Merge")

	// ErrNotEqual means that the documents that the server gives back are not those that were
	// restored. The collection was not published. Its class is Fatal.
	ErrNotEqual = fatal("the server gives back other documents than it was given")

	// ErrSeriesIncomplete means that a time series is visible and not complete, and that the server may
	// still carry out a command that creates or fills it. Run the restore again. Its class is
	// UnknownOutcome.
	ErrSeriesIncomplete = stream.Mark(errors.New("the time series is not complete: run the restore again"),
		stream.UnknownOutcome)

	// ErrMetadata means that all documents were restored, and that the server refused indexes or
	// options, which the error names. Its class is Data.
	ErrMetadata = stream.Mark(errors.New("all documents were restored, but not everything about them"), stream.Data)
)

type restoreJob struct {
	view   *View
	client *mongo.Client
	name   string
	opts   RestoreOptions
	ids    idRange
	all    []target
	access []int // the collections of users and roles that are read in units after those of all
	fresh  bool  // what another run prepared is not used
	err    error // of the options

	unsettled []atomic.Bool // by target: it is a time series that a command may still create or fill

	progress *progress
	meters   meters
}

var _ Abandoner = (*restoreJob)(nil)

func newRestore(v *View, client *mongo.Client, opts *RestoreOptions) *restoreJob {
	j := &restoreJob{client: client, name: "restore " + v.manifest.Run}
	j.view = v.measured(&j.meters)
	j.opts, j.err = opts.check()
	j.progress = newProgress(j.opts.Progress, "restore", v.manifest.Run)
	if j.err != nil {
		return j
	}
	if j.ids, j.err = newIDRange(j.opts.From, j.opts.To); j.err != nil {
		return j
	}
	j.access = v.access(func(kind Kind) bool { return j.accessSink(kind) != nil })
	j.all, j.err = v.targets(&j.opts)
	j.unsettled = make([]atomic.Bool, len(j.all))
	return j
}

// units returns the number of units.
func (j *restoreJob) units() int { return len(j.all) + len(j.access) }

// Units implements [Job]. It refuses targets that exist, as far as that can be seen without reading
// their documents.
func (j *restoreJob) Units(ctx context.Context) ([]Unit, error) {
	ctx = stream.WithoutDrain(ctx)
	if j.err != nil {
		return nil, failed("restore", j.err)
	}
	if err := eachAtOnce(ctx, j.collections(), func(ctx context.Context, r *collectionRestore) error {
		return r.refuse(ctx)
	}); err != nil {
		return nil, failed("restore", err)
	}
	j.expect()
	return units(j.name, j.units()), nil
}

// refuse returns an error if the target exists and is of another kind, or has a number of documents that
// the restore cannot give it.
func (r *collectionRestore) refuse(ctx context.Context) error {
	t, opts := r.target, &r.job.opts
	found, err := lookUp(ctx, r.coll)
	if err != nil || found == nil {
		return err
	}
	if err := r.checkKind(found); err != nil || opts.DropTarget || opts.Merge || !stores(t.entry.Kind) {
		return err
	}
	if ours, err := r.unfinished(ctx); err != nil || ours {
		return err
	}
	n, err := r.coll.CountDocuments(ctx, anything)
	fewer := opts.partial() || t.entry.Kind == mongosource.KindCapped
	switch {
	case err != nil:
		return err
	case n > t.entry.Documents, n < t.entry.Documents && !fewer:
		return fmt.Errorf("%s: %w", quoted(t.to), ErrTargetExists)
	}
	return nil
}

// Do implements [Job].
func (j *restoreJob) Do(ctx context.Context, u Unit) (Receipt, error) {
	ctx = stream.WithoutDrain(ctx)
	if j.err != nil {
		return Receipt{}, failed("restore", j.err)
	}
	if err := checkUnit(u, j.name, j.units()); err != nil {
		return Receipt{}, failed("restore", err)
	}
	if u.Number >= len(j.all) {
		return j.proveAccess(ctx, u)
	}
	r := j.collection(u.Number)
	r.tell(UnitBegun, Reading, did{})
	if err := r.prepare(ctx); err != nil {
		return Receipt{}, failed("restore "+quoted(r.target.entry.Namespace()), err)
	}
	r.counts.Collections = 1
	data, err := json.Marshal(r.data)
	if err != nil {
		return Receipt{}, failed("restore", err)
	}
	r.settle(UnitDone, Comparing, r.counts)
	return Receipt{Unit: u, Counts: r.counts, Data: data}, nil
}

// collection returns the restore of the n-th target.
func (j *restoreJob) collection(n int) *collectionRestore {
	return &collectionRestore{job: j, unit: n, target: j.all[n], coll: collectionOf(j.client, j.all[n].to)}
}

// collections returns the restores of all targets.
func (j *restoreJob) collections() []*collectionRestore {
	all := make([]*collectionRestore, len(j.all))
	for n := range all {
		all[n] = j.collection(n)
	}
	return all
}

// Abandon implements [Abandoner].
func (j *restoreJob) Abandon(ctx context.Context) error {
	if j.err != nil {
		return nil
	}
	all := j.collections()
	failures := make([]error, len(all))
	err := eachAtOnce(ctx, all, func(ctx context.Context, r *collectionRestore) error {
		failures[r.unit] = r.abandon(ctx)
		return nil // a failure does not stop the others
	})
	return wrapped("abandon the restore", errors.Join(append(failures, err)...))
}
