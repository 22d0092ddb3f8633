package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// tryMerge verifies all documents and compares them with a collection that exists.
func (r *collectionRestore) tryMerge(ctx context.Context) error {
	r.data.Merge = true
	if r.target.entry.Kind == mongosource.KindTimeSeries {
		return mongosink.ErrNotRepeatable
	}
	opts := &mongosink.MergeOptions{Insert: r.job.opts.Insert, DryRun: true}
	_, err := stream.Run(ctx, r.documents(), mongosink.Merge(r.coll, opts))
	r.weaker("the options and indexes of %s were left as they are", quoted(r.target.to))
	return err
}

// fillOrMerge fills a target that has its name already.
func (r *collectionRestore) fillOrMerge(ctx context.Context) error {
	switch {
	case r.data.Merge:
		return r.merge(ctx)
	case r.target.entry.Kind == mongosource.KindTimeSeries && !r.data.Present:
		return r.fill(ctx)
	}
	return nil
}

// merge adds the documents to a collection that exists.
func (r *collectionRestore) merge(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	done := r.counts
	result, err := stream.Run(ctx, r.documents(),
		mongosink.Merge(r.coll, &mongosink.MergeOptions{Insert: r.job.opts.Insert}))
	r.counts = done
	if err != nil {
		return err
	}
	if n := result.Inserted + result.InsertResult.AlreadyThere + result.Present; n != r.data.Want.Documents {
		return fmt.Errorf("%w: %d documents of %d are there", ErrNotEqual, n, r.data.Want.Documents)
	}
	return nil
}

// fill fills a time series, which no server renames. A collection with the name of a prepared one
// marks that the target is not complete, so that the next run removes it.
func (r *collectionRestore) fill(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	mark := r.prepared()
	if err := r.begin(ctx, mark); err != nil {
		return err
	}
	done := r.counts
	err := r.fillMarked(ctx)
	r.counts = done
	if err != nil {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout(ctx))
		defer cancel()
		return errors.Join(err, r.remove(cleaning, mark))
	}
	return mark.Drop(ctx)
}

// cleanupTimeout returns how long the removal of a collection may take after a failure.
func cleanupTimeout(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return 900 * time.Millisecond
	}
	return 30 * time.Second
}

// begin marks the target as not complete, and removes it. A target that appeared since the units were
// done is refused.
func (r *collectionRestore) begin(ctx context.Context, mark *mongo.Collection) error {
	marked, err := exists(ctx, mark)
	if err != nil {
		return err
	}
	found, err := exists(ctx, r.coll)
	switch {
	case err != nil:
		return err
	case found && !marked && !r.job.opts.DropTarget:
		return ErrTargetExists
	case !marked:
		if err := mark.Database().CreateCollection(ctx, mark.Name()); err != nil {
			return err
		}
	}
	return r.coll.Drop(ctx)
}

// remove removes the target, and then its mark.
func (r *collectionRestore) remove(ctx context.Context, mark *mongo.Collection) error {
	if err := r.coll.Drop(ctx); err != nil {
		return fmt.Errorf("it is not complete and could not be dropped: run the restore again: %w", err)
	}
	return mark.Drop(ctx)
}

func (r *collectionRestore) fillMarked(ctx context.Context) error {
	if err := r.create(ctx); err != nil {
		return err
	}
	if _, err := stream.Run(ctx, r.documents(), mongosink.Insert(r.coll, &r.job.opts.Insert)); err != nil {
		return err
	}
	have, err := tallyOf(ctx, r.coll)
	switch {
	case err != nil:
		return err
	case have.Documents != r.data.Want.Documents:
		return fmt.Errorf("%w: %d documents, and not %d", ErrNotEqual, have.Documents, r.data.Want.Documents)
	case !have.SameDocuments(r.data.Want): // servers may order the fields of a measurement in another way
		r.weaker("the documents of the time series %s were only counted", quoted(r.target.to))
	}
	r.weaker("the time series %s could be seen while it was filled", quoted(r.target.to))
	return r.createIndexes(ctx, r.head.Indexes)
}

// unfinished reports whether a target is a time series that a run left incomplete.
func (j *restoreJob) unfinished(ctx context.Context, t target) (bool, error) {
	if t.entry.Kind != mongosource.KindTimeSeries {
		return false, nil
	}
	return exists(ctx, j.client.Database(t.to.Database).Collection(j.view.preparedName(t)))
}
