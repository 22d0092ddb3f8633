package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
)

// prepareView returns an error if the view cannot be created, or exists with another definition. It
// creates nothing.
func (r *collectionRestore) prepareView(ctx context.Context) error {
	if err := r.checkView(); err != nil {
		return err
	}
	found, err := exists(ctx, r.coll)
	if err != nil || !found || r.job.opts.DropTarget {
		return err
	}
	err = r.create(ctx) // it exists, so this compares it
	if isConflict(err) {
		return fmt.Errorf("%s: %w: %w", quoted(r.target.to), ErrTargetExists, err)
	}
	return err
}

// checkView returns an error unless the view stays in the database of its collection.
func (r *collectionRestore) checkView() error {
	on, _ := r.head.Description.Lookup("options", "viewOn").StringValueOK()
	to := r.job.opts.Rename(mongosource.Namespace{Database: r.target.entry.Database, Collection: on})
	if to.Database != r.target.to.Database {
		return fatal(fmt.Sprintf("the view would become %s, and its collection %s: both must be in one database",
			quoted(r.target.to), quoted(to)))
	}
	return nil
}

// createView creates a view. With DropTarget, it replaces what has its name and is another one.
func (r *collectionRestore) createView(ctx context.Context) error {
	if err := r.checkView(); err != nil {
		return err
	}
	err := r.create(ctx)
	if !isConflict(err) || !r.job.opts.DropTarget {
		return err
	}
	if err := drop(ctx, r.coll); err != nil {
		return err
	}
	return r.create(ctx)
}

func isConflict(err error) bool {
	var conflict *mongosink.CollectionConflictError
	return errors.As(err, &conflict)
}

// checkKind returns an error if a collection of found's kind has the name of the target and cannot give
// way to it.
func (r *collectionRestore) checkKind(found *mongosource.Collection) error {
	kind := r.target.entry.Kind
	switch {
	case kind == mongosource.KindView && found.Kind != kind && !r.job.opts.DropTarget:
		return fmt.Errorf("%s: %w: it is no view", quoted(r.target.to), ErrTargetExists)
	case !inPlace(kind) && inPlace(found.Kind):
		return fmt.Errorf("%s: %w: it is a %s, which no rename replaces: drop it first", quoted(r.target.to),
			ErrTargetExists, found.Kind)
	}
	return nil
}
