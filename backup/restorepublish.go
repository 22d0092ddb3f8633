package backup

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// renames reports whether the target is made by a rename of a prepared collection.
func (r *collectionRestore) renames() bool {
	return !inPlace(r.target.entry.Kind) && !r.data.Present && !r.data.Merge
}

// checkPublish returns an error if the target appeared or changed while it was prepared, or what was
// prepared is gone.
func (r *collectionRestore) checkPublish(ctx context.Context) error {
	if r.data.Present {
		return r.recount(ctx)
	}
	if !r.renames() {
		return nil
	}
	waits, err := r.findPrepared(ctx)
	if err != nil {
		return err
	}
	found, err := lookUp(ctx, r.coll)
	switch {
	case err != nil:
		return err
	case waits != nil && found != nil && !r.job.opts.DropTarget:
		return fmt.Errorf("%s: %w", quoted(r.target.to), ErrTargetExists)
	case waits == nil && (found == nil || r.isOther(found)):
		return r.gone()
	case waits == nil: // an earlier Finish renamed it
		r.published, r.made = true, found.UUID
		return errors.Join(r.check(ctx, r.coll), r.confirmMajority(ctx))
	}
	return nil
}

// isOther reports whether a collection is certainly not the one that the unit prepared.
func (r *collectionRestore) isOther(found *mongosource.Collection) bool {
	return r.data.Made != (uuid{}) && found.UUID != (uuid{}) && found.UUID != r.data.Made
}

// findPrepared returns the prepared collection, or nil. It returns an error if another restore,
// which may have other options, has replaced the collection.
func (r *collectionRestore) findPrepared(ctx context.Context) (*mongosource.Collection, error) {
	found, err := lookUp(ctx, r.prepared())
	if err == nil && found != nil && r.isOther(found) {
		err = fmt.Errorf("%s: %w: another restore has replaced what was prepared: run the restore again",
			quoted(r.target.to), ErrNotEqual)
	}
	return found, err
}

func (r *collectionRestore) gone() error {
	return fmt.Errorf("%s: %w: it was prepared, and is gone", quoted(r.target.to), ErrNotEqual)
}

// recount compares the number of documents of a target that had them before with that of its unit.
func (r *collectionRestore) recount(ctx context.Context) error {
	n, err := r.coll.CountDocuments(ctx, anything)
	switch {
	case err != nil:
		return err
	case n != r.data.Found:
		return fmt.Errorf("%s: it was changed during the restore: %w", quoted(r.target.to), ErrTargetExists)
	}
	return r.confirmMajority(ctx)
}

// confirmMajority waits until a majority of the servers has what an earlier run did: a command that
// changes nothing waits for what came before it.
func (r *collectionRestore) confirmMajority(ctx context.Context) error {
	err := runCommand(ctx, r.coll.Database(), bson.D{{Key: "collMod", Value: r.coll.Name()}})
	if isRefusal(err) { // the server has no such command, or the user may not run it
		return nil
	}
	return err
}

// publish gives a prepared collection the name of the target.
func (r *collectionRestore) publish(ctx context.Context) error {
	if !r.renames() || r.published {
		return nil
	}
	prepared, err := r.findPrepared(ctx)
	if err != nil {
		return err
	}
	if prepared == nil {
		return r.gone()
	}
	r.made = prepared.UUID
	if r.job.opts.Merge && r.data.Later {
		if err := r.noteLater(ctx, r.made); err != nil {
			return err
		}
	}
	return r.renamePrepared(ctx)
}

// renamePrepared renames the prepared collection. It looks for the effect if the reply is lost.
func (r *collectionRestore) renamePrepared(ctx context.Context) error {
	for pause := firstPause; ; pause *= 2 {
		err := r.renameOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		found, lookErr := lookUp(ctx, r.coll)
		took := lookErr == nil && found != nil && found.UUID == r.made && r.made != uuid{}
		var written mongo.WriteException
		switch {
		case took && errors.As(err, &written):
			return stream.Mark(fmt.Errorf("it took effect, and the server did not confirm that it lasts: %w", err),
				stream.UnknownOutcome)
		case took: // the reply was lost
			return nil
		case !transient(err) && !mongo.IsNetworkError(err):
			return errors.Join(err, lookErr)
		case pause > maxPublishPause && (lookErr != nil || mongo.IsNetworkError(err)):
			return stream.Mark(errors.Join(err, lookErr), stream.UnknownOutcome)
		case pause > maxPublishPause:
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// confirm returns an error unless the target is there, as it was made. It is the last look.
func (r *collectionRestore) confirm(ctx context.Context) error {
	found, err := lookUp(ctx, r.coll)
	switch {
	case err != nil:
		return err
	case found == nil:
		return errDropped
	}
	have, err := uuidOf(ctx, r.coll, found)
	series := r.target.entry.Kind == mongosource.KindTimeSeries && found.Kind != mongosource.KindTimeSeries
	if err == nil && (series || r.made != uuid{} && have != r.made) {
		err = fmt.Errorf("%w: it was replaced during the restore", ErrNotEqual)
	}
	return err
}

var errDropped = fmt.Errorf("%w: it was dropped during the restore", ErrNotEqual)

// renameOnce sends the command that renames the prepared collection.
func (r *collectionRestore) renameOnce(ctx context.Context) error {
	const namespaceExists, notImplemented = 48, 238
	err := runCommand(ctx, r.job.client.Database("admin"), bson.D{
		{Key: "renameCollection", Value: r.target.to.Database + "." + r.job.view.preparedName(r.target)},
		{Key: "to", Value: r.target.to.String()},
		{Key: "dropTarget", Value: r.job.opts.DropTarget},
	})
	var reply mongo.CommandError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply) && reply.Code == namespaceExists:
		return fmt.Errorf("%w: %w", ErrTargetExists, err)
	case errors.As(err, &reply) && reply.Code == notImplemented && r.job.opts.DropTarget: // FerretDB v1
		return fmt.Errorf("the server cannot replace a collection in one step: drop %s and restore without replacing, "+
			"or restore under another name: %w", r.target.to, err)
	}
	return fmt.Errorf("rename the prepared collection: %w", err)
}

// abandon removes what was prepared. The mark of a merge that made its target stays: another run
// then creates the indexes.
func (r *collectionRestore) abandon(ctx context.Context) error {
	if r.job.unsettled[r.unit].Load() {
		return fmt.Errorf("%s: %w", quoted(r.target.to), ErrSeriesIncomplete)
	}
	unfinished, err := r.unfinished(ctx)
	if err == nil && unfinished {
		err = r.dropUnfinished(ctx)
	}
	if err != nil {
		return err
	}
	filling := r.coll.Database().Collection(r.prepared().Name() + fillingSuffix)
	err = errors.Join(drop(ctx, filling), drop(ctx, r.prepared()))
	if err != nil || !r.job.opts.Merge {
		return err
	}
	// A rename that is still under way finds nothing now: whether it made the target is certain.
	made, err := r.isLater(ctx)
	if err == nil && !made {
		err = drop(ctx, r.later().coll)
	}
	return err
}
