package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// seriesState says what is under the name of a time series that is restored.
type seriesState struct {
	found bool
	ours  bool // an earlier run of this restore made it and did not finish it
	uuid  uuid // of ours; zero if the server gives none
}

// seriesState looks at the target. One that the restore has not noted, because it was killed, is its
// own only if it is empty.
func (r *collectionRestore) seriesState(ctx context.Context) (s seriesState, err error) {
	found, err := lookUp(ctx, r.coll)
	if err != nil || found == nil {
		return s, err
	}
	s.found = true
	set, made, err := r.mark().read(ctx)
	if err != nil || !set {
		return s, err
	}
	if made != (uuid{}) {
		have, err := uuidOf(ctx, r.coll, found)
		s.ours, s.uuid = have == made, made
		return s, err
	}
	if found.Kind != mongosource.KindTimeSeries {
		return s, nil
	}
	n, err := r.coll.CountDocuments(ctx, anything, options.Count().SetLimit(1))
	s.ours = err == nil && n == 0
	return s, err
}

// mark returns the mark of a time series that is not complete. It has the name of a prepared
// collection.
func (r *collectionRestore) mark() mark { return mark{r.prepared()} }

// unfinished reports whether the target is a time series that a run left incomplete.
func (r *collectionRestore) unfinished(ctx context.Context) (bool, error) {
	if r.target.entry.Kind != mongosource.KindTimeSeries {
		return false, nil
	}
	s, err := r.seriesState(ctx)
	return s.ours, err
}

// fill fills a time series, which no server renames. A mark says that the target is not complete, so
// that the next run removes it.
func (r *collectionRestore) fill(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	done := r.counts
	err := r.fillMarked(ctx)
	r.counts = done
	return err
}

func (r *collectionRestore) fillMarked(ctx context.Context) error {
	s, err := r.seriesState(ctx)
	switch {
	case err != nil:
		return err
	case s.found && !s.ours && !r.job.opts.DropTarget:
		return r.accept(ctx)
	case s.ours && !r.job.opts.DropTarget:
		if whole, err := r.isWhole(ctx); err != nil || whole {
			r.made = s.uuid
			return r.afterFill(ctx, err)
		}
	}
	if s.found {
		if err := drop(ctx, r.coll); err != nil {
			return err
		}
	}
	unsettled := &r.job.unsettled[r.unit]
	unsettled.Store(true)
	if err := r.createMarked(ctx); err != nil {
		unsettled.Store(!errors.Is(err, ErrTargetExists))
		return err
	}
	if err := r.insertSeries(ctx); err != nil {
		return r.giveUp(ctx, err)
	}
	unsettled.Store(false)
	return r.afterFill(ctx, nil)
}

// isWhole reports whether a time series that an earlier run made is complete, except for its mark. It
// returns an error if the time series has more than that: it was visible, so that an application may
// have added documents.
func (r *collectionRestore) isWhole(ctx context.Context) (bool, error) {
	n, err := r.coll.CountDocuments(ctx, anything)
	if err != nil || n < r.data.Want.Documents {
		return false, err
	}
	same, err := r.sameSeries(ctx)
	if err == nil && !same {
		err = ErrTargetExists
	}
	return same, err
}

// afterFill removes the mark of a complete time series, unless err is an error. Its indexes and its time
// limit come later.
func (r *collectionRestore) afterFill(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	r.data.Later = true
	if r.job.opts.Merge {
		if err := r.noteLater(ctx, r.made); err != nil {
			return err
		}
	}
	return drop(ctx, r.mark().coll)
}

// accept accepts a time series that an earlier Finish completed.
func (r *collectionRestore) accept(ctx context.Context) error {
	same, err := r.sameSeries(ctx)
	if err == nil && !same {
		err = ErrTargetExists
	}
	r.data.Later = true
	return err
}

// createMarked sets the mark, and creates the time series, which must not exist. Nothing expires yet.
func (r *collectionRestore) createMarked(ctx context.Context) error {
	if err := r.mark().set(ctx); err != nil {
		return err
	}
	description, _ := withoutExpiry(r.head.Description)
	result, err := stream.Run(ctx, source.Of(description), mongosink.CreateCollections(r.coll.Database(),
		&mongosink.CreateCollectionsOptions{Rename: r.rename}))
	if result.Existing > 0 || isConflict(err) { // another program made it
		return errors.Join(ErrTargetExists, err, drop(ctx, r.mark().coll))
	}
	if err != nil {
		return err
	}
	found, err := lookUp(ctx, r.coll)
	if err != nil {
		return err
	}
	if found == nil { // an insertion would create a plain collection
		return errDropped
	}
	r.made, err = uuidOf(ctx, r.coll, found)
	if err != nil || r.made == (uuid{}) {
		return err
	}
	return r.mark().note(ctx, r.made)
}

// insertSeries inserts the documents, reads them back, and creates the indexes. Servers give the fields
// of a measurement in another order, also when a backup reads them.
func (r *collectionRestore) insertSeries(ctx context.Context) error {
	opts := r.acknowledged(r.job.opts.Insert)
	opts.MoveID = true
	if _, err := stream.Run(ctx, r.documents(newTally), mongosink.Insert(r.coll, &opts)); err != nil {
		return err
	}
	have, err := seriesTally(ctx, r)
	switch {
	case err != nil:
		return err
	case have.SameDocuments(r.anyOrder):
	case r.withoutID > 0 && have.Documents == r.anyOrder.Documents: // they have got an _id
		r.weaker("the documents of the time series %s were only counted: %d had no _id", quoted(r.target.to),
			r.withoutID)
	default:
		return fmt.Errorf("%w: %d documents of %d", ErrNotEqual, have.Documents, r.anyOrder.Documents)
	}
	r.weaker("the time series %s could be seen while it was filled", quoted(r.target.to))
	return r.createIndexes(ctx, r.head.Indexes)
}

// sameSeries reports whether the target has the documents that are restored.
func (r *collectionRestore) sameSeries(ctx context.Context) (bool, error) {
	if err := r.documents(newTally).Each(ctx, func(bson.Raw) error { return nil }); err != nil {
		return false, err
	}
	have, err := seriesTally(ctx, r)
	r.data.Found = have.Documents
	return have.SameDocuments(r.anyOrder), err
}

// seriesTally counts the documents of the target, whatever the order of their fields.
func seriesTally(ctx context.Context, r *collectionRestore) (Tally, error) {
	return tallyOfSource(ctx, stream.Via(r.readBack(r.coll), stream.Map(inFieldOrder)))
}

// giveUp removes a time series that cannot be completed. If a command may still run on the server, it
// stays, with its mark: an insertion that comes after the removal would create it again, as a plain
// collection.
func (r *collectionRestore) giveUp(ctx context.Context, cause error) error {
	if class := stream.ClassOf(cause); ctx.Err() != nil || class != stream.Fatal && class != stream.Data {
		return fmt.Errorf("it is not complete: run the restore again: %w", cause)
	}
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout(ctx))
	defer cancel()
	err := r.remove(cleaning)
	r.job.unsettled[r.unit].Store(err != nil)
	return errors.Join(cause, err)
}

// remove removes a time series that the restore made, and then its mark.
func (r *collectionRestore) remove(ctx context.Context) error {
	s, err := r.seriesState(ctx)
	if err == nil && s.ours {
		err = drop(ctx, r.coll)
	}
	if err != nil {
		return fmt.Errorf("it is not complete and could not be dropped: run the restore again: %w", err)
	}
	return drop(ctx, r.mark().coll)
}

// cleanupTimeout returns how long the removal of a collection may take after a failure.
func cleanupTimeout(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return 900 * time.Millisecond
	}
	return 30 * time.Second
}

// dropUnfinished drops a time series that an earlier run left, unless an application has added
// documents.
func (r *collectionRestore) dropUnfinished(ctx context.Context) error {
	n, err := r.coll.CountDocuments(ctx, anything)
	if err != nil || n > r.target.entry.Documents {
		return err
	}
	return drop(ctx, r.coll)
}
