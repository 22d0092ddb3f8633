package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// cleanupTimeout is how long the rename, and dropping the staging collection, may take after a signal.
const cleanupTimeout = 30 * time.Second

// replace restores into a staging collection, which becomes the target when it is complete.
func (j *job) replace(ctx context.Context, target targetState) (summary, error) {
	opts := &mongosink.ReplaceCollectionOptions{
		Insert:     *j.insertOptions(),
		DropTarget: target != missing,
		AllowEmpty: j.allowEmpty,

		// A signal must not leave the target half replaced, or the staging collection.
		CleanupTimeout: cleanupTimeout,
	}
	if j.kept != nil && j.kept.Restorable() {
		opts.Description, opts.Indexes = j.kept.Collection, j.kept.Indexes
	}
	doneWaiting := func() {}
	opts.Check = func(context.Context, *mongo.Collection) error {
		doneWaiting = j.mongo.Waiting("rename the collection")
		return nil
	}
	stop := j.watch("restored", &j.acknowledged)
	var result mongosink.ReplaceCollectionResult
	_, err := cli.Protect(func() (_ any, err error) {
		documents := j.documents()
		result, err = stream.Run(ctx, documents, mongosink.ReplaceCollection(j.coll, opts))
		return nil, err
	})
	stop()
	doneWaiting()
	var refused *mongosink.IndexError
	switch {
	case result.Target == mongosink.TargetUnchanged && err != nil:
		return summary{}, j.unchanged(result, err)
	case result.Target != mongosink.TargetReplaced && err != nil:
		return summary{}, j.unclear(result, err)
	}
	errors.As(err, &refused)
	j.warnOfLeftovers(result, refused)
	switch {
	case err == nil || stream.ClassOf(err) == stream.Data: // only refused indexes
		return summary{InsertResult: result.InsertResult, indexes: result.Indexes}, nil
	case stream.ClassOf(err) == stream.UnknownOutcome:
		return summary{}, needsManualRecovery(j.explain(err), stream.UnknownOutcome,
			"%s has the documents of the backup now, but the server did not confirm that all of this lasts: look at "+
				"it and at its options again when all its members are well", j.mongo.Namespace())
	}
	return summary{}, needsManualRecovery(j.explain(err), stream.Fatal,
		"%s has the documents of the backup now, but they do not expire: set expireAfterSeconds with collMod",
		j.mongo.Namespace())
}

// warnOfLeftovers warns of what a completed restore could not do.
func (j *job) warnOfLeftovers(result mongosink.ReplaceCollectionResult, refused *mongosink.IndexError) {
	if result.Old != "" {
		left := j.mongo.DB + "." + result.Old
		j.program.Warn(cli.Textf("the old documents could not be dropped: they are in %s now, drop it", left),
			"the old documents could not be dropped: drop them", "collection", left)
	}
	if refused != nil {
		for _, f := range refused.Failed {
			j.program.Warn(cli.Textf("MongoDB refuses the index %s: %s (code %d). The documents are restored: correct "+
				"what the message says, and create the index by hand", cli.Foreign(f.Name), cli.Foreign(f.Message),
				fmt.Sprint(f.Code)), "index refused", "index", cli.Foreign(f.Name), "code", f.Code,
				"error", cli.Foreign(f.Message))
		}
	}
}

// unchanged returns the error of a restore that left the target unchanged.
func (j *job) unchanged(result mongosink.ReplaceCollectionResult, err error) error {
	namespace := j.mongo.Namespace()
	switch {
	case errors.Is(err, mongosink.ErrEmptyInput):
		err = cli.Errorf("%s has no document in it: say -allow-empty to replace those of %s by nothing",
			j.s3.URL(), namespace)
	case errors.Is(err, mongosink.ErrTargetExists):
		err = cli.Errorf("collection %s was made by someone else meanwhile: say -drop to replace it, or -merge to add "+
			"to it", namespace)
	default:
		err = j.explain(err)
	}
	inserted := fmt.Sprintf("%d documents", result.Inserted+result.AlreadyThere)
	if result.Unknown > 0 {
		inserted += fmt.Sprintf(" (and perhaps %d more)", result.Unknown)
	}
	switch {
	case errors.As(err, new(*cli.Panic)): // the result is lost
		err = cli.Errorf("%w; %s is as it was; an unknown number of documents had been inserted into a collection "+
			"%s_restore_…: drop it, if it is there", err, namespace, j.mongo.Collection)
	case result.Staging != "":
		err = cli.Errorf("%w; %s is as it was; %s had been inserted into %s.%s, which could not be dropped: drop it "+
			"when MongoDB answers",
			err, namespace, inserted, j.mongo.DB, result.Staging)
	case result.Created:
		err = cli.Errorf("%w; %s is as it was; %s had been inserted into %s.%s, which was dropped again",
			err, namespace, inserted, j.mongo.DB, result.StagingName)
	default:
		err = cli.Errorf("%w; %s is as it was", err, namespace)
	}
	return stream.Mark(err, stream.Fatal)
}

// unclear returns the error of a restore after which the operator must look at the target.
func (j *job) unclear(result mongosink.ReplaceCollectionResult, err error) error {
	class := stream.UnknownOutcome
	if result.Target == mongosink.TargetMoved {
		class = stream.Fatal
	}
	if result.Old != "" {
		return needsManualRecovery(j.explain(err), class,
			"if there is no %s now, the old documents are in %s.%s and those of the backup in %s.%s: rename one of "+
				"them to it", j.mongo.Namespace(), j.mongo.DB, result.Old, j.mongo.DB, result.Staging)
	}
	return needsManualRecovery(j.explain(err), class,
		"whether %s was replaced is unknown: if there is a collection %s.%s, it was not, and that has all of the backup",
		j.mongo.Namespace(), j.mongo.DB, result.Staging)
}

// manualRecoveryError is a failure after which the operator must check, or repair, the target.
type manualRecoveryError struct {
	err   error
	steps *cli.Text    // what the operator must do
	class stream.Class // UnknownOutcome if the content of the target, or its durability, is unknown
}

func needsManualRecovery(err error, class stream.Class, steps string, args ...any) *manualRecoveryError {
	return &manualRecoveryError{err, cli.Textf(steps, args...), class}
}

func (e *manualRecoveryError) Error() string { return e.Unwrap().Error() }
func (e *manualRecoveryError) Unwrap() error { return cli.Errorf("%w; %w", e.err, e.steps) }

// Class returns the class of the error. The exit code follows from it.
func (e *manualRecoveryError) Class() stream.Class { return e.class }
