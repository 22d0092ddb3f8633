package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// needsName reports whether the target is a prepared collection that gets its name.
func (r *collectionRestore) needsName(ctx context.Context) (bool, error) {
	if !stores(r.target.entry.Kind) || r.target.entry.Kind == mongosource.KindTimeSeries || r.data.Present {
		return false, nil
	}
	return exists(ctx, r.prepared())
}

// checkPublish returns an error if the target appeared while it was prepared, or what was prepared is
// gone.
func (r *collectionRestore) checkPublish(ctx context.Context) error {
	if !stores(r.target.entry.Kind) || r.target.entry.Kind == mongosource.KindTimeSeries || r.data.Present ||
		r.data.Merge {
		return nil
	}
	waits, err := r.needsName(ctx)
	if err != nil {
		return err
	}
	found, err := exists(ctx, r.coll)
	switch {
	case err != nil:
		return err
	case waits && found && !r.job.opts.DropTarget:
		return fmt.Errorf("%s: %w", quoted(r.target.to), ErrTargetExists)
	case !waits && found: // an earlier Finish renamed it
		return r.check(ctx, r.coll)
	case !waits:
		return fmt.Errorf("%s: %w: it was prepared, and is gone", quoted(r.target.to), ErrNotEqual)
	}
	return nil
}

// publish gives a prepared collection the name of the target.
func (r *collectionRestore) publish(ctx context.Context) error {
	waits, err := r.needsName(ctx)
	if err != nil || !waits {
		return err
	}
	prepared, err := lookUp(ctx, r.prepared())
	if err != nil || prepared == nil {
		return err
	}
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := r.renameOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		found, lookErr := lookUp(ctx, r.coll)
		switch {
		case lookErr == nil && found != nil && found.UUID == prepared.UUID && prepared.UUID != [16]byte{}:
			return nil // the reply was lost
		case stream.ClassOf(err) != stream.Retryable && stream.ClassOf(err) != stream.Throttled,
			pause > maxPublishPause:
			return errors.Join(err, lookErr)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// maxPublishPause is the longest pause before a rename is sent again: all take about 26 seconds.
const maxPublishPause = 13 * time.Second

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// renameOnce sends the command that renames the prepared collection.
func (r *collectionRestore) renameOnce(ctx context.Context) error {
	const namespaceExists = 48
	err := r.job.client.Database("admin").RunCommand(ctx, bson.D{
		{Key: "renameCollection", Value: r.target.to.Database + "." + r.job.view.preparedName(r.target)},
		{Key: "to", Value: r.target.to.String()},
		{Key: "dropTarget", Value: r.job.opts.DropTarget},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}},
	}).Err()
	var reply mongo.CommandError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply) && reply.Code == namespaceExists:
		return fmt.Errorf("%w: %w", ErrTargetExists, err)
	}
	return mongoerr.Mark(fmt.Errorf("rename the prepared collection: %w", err))
}

// abandon removes what was prepared.
func (r *collectionRestore) abandon(ctx context.Context) error {
	unfinished, err := r.unfinished(ctx)
	if err == nil && unfinished {
		err = r.coll.Drop(ctx)
	}
	if err != nil {
		return err
	}
	filling := r.coll.Database().Collection(r.prepared().Name() + fillingSuffix)
	return errors.Join(filling.Drop(ctx), r.prepared().Drop(ctx))
}
