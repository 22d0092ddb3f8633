package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

const (
	dropTimeout     = 30 * time.Second
	lateWriteWindow = 200 * time.Millisecond // in which the server may still run a command without a reply
)

// replace restores into a staging collection and renames it to the target when it is complete. It
// creates the staging collection after the first document has been decrypted and read, so that a
// wrong key, or an object that is not a backup, leaves nothing.
func (j *job) replace(ctx context.Context, target targetState) (summary, error) {
	db := j.coll.Database()
	staging := db.Collection(j.newName("_restore_"))
	mayExist := false
	create := func(ctx context.Context) error {
		err := j.mongo.Ask(ctx, "create a collection", func(ctx context.Context) error {
			return db.CreateCollection(ctx, staging.Name())
		})
		mayExist = err == nil || !rejected(err)
		if err != nil {
			return cancelCause(ctx, cli.Errorf("create collection %s.%s: %w", db.Name(), staging.Name(), err))
		}
		return nil
	}

	stop := j.watch("restored", &j.acknowledged)
	result, err := cli.Protect(func() (mongosink.InsertResult, error) {
		return stream.Run(ctx, stream.Via(j.documents(), cli.BeforeFirst[bson.Raw](create)), j.insert(staging))
	})
	stop()
	switch {
	case err != nil:
	case result.Inserted == 0 && target == filled && !j.allowEmpty:
		err = cli.Errorf("%s has no document in it: say -allow-empty to replace those of %s by nothing",
			j.s3.URL(), j.mongo.Namespace())
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		// The first signal must not interrupt the rename: it would leave the target half replaced.
		err = j.protectedPublish(context.WithoutCancel(ctx), staging, target)
	}
	var manual *manualRecoveryError
	switch {
	case err == nil:
		if j.undropped != "" {
			j.program.Warn(cli.Textf("the old documents could not be dropped: they are in %s now, drop it",
				j.undropped),
				"the old documents could not be dropped: drop them", "collection", j.undropped)
		}
		if j.unconfirmed != nil {
			return summary{}, needsManualRecovery(j.explain(j.unconfirmed), stream.UnknownOutcome,
				"%s has the documents of the backup now, but the server did not confirm that this lasts: "+
					"look at it again when all its members are well", j.mongo.Namespace())
		}
		return summary{InsertResult: result}, nil
	case errors.As(err, &manual):
		return summary{}, &manualRecoveryError{j.explain(manual.err), manual.steps, manual.class}
	case !mayExist:
		return summary{}, outcomeKnown(cli.Errorf("%w; %s is as it was", j.explain(err), j.mongo.Namespace()))
	}
	return summary{}, outcomeKnown(j.dropStaging(context.WithoutCancel(ctx), staging, result, j.explain(err)))
}

// protectedPublish calls publish. After a panic the state of the target is unknown.
func (j *job) protectedPublish(ctx context.Context, staging *mongo.Collection, target targetState) error {
	_, err := cli.Protect(func() (any, error) { return nil, j.publish(ctx, staging, target) })
	if errors.As(err, new(*cli.Panic)) {
		return j.replacementUnknown(err, staging)
	}
	return err
}

// replacementUnknown returns the error of a publish whose effect on the target is unknown.
func (j *job) replacementUnknown(err error, staging *mongo.Collection) error {
	return needsManualRecovery(err, stream.UnknownOutcome,
		"whether %s was replaced is unknown: if there is a collection %s.%s, it was not, and that has all of the "+
			"backup",
		j.mongo.Namespace(), j.mongo.DB, staging.Name())
}

// outcomeKnown marks an error that leaves the target in a known state, even if the outcome of a
// request on the way is unknown.
func outcomeKnown(err error) error { return stream.Mark(err, stream.Fatal) }

// dropStaging drops the staging collection and adds to cause whether that succeeded.
func (j *job) dropStaging(
	ctx context.Context, staging *mongo.Collection, result mongosink.InsertResult, cause error,
) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	defer j.mongo.Waiting("drop the collection of the restore")()
	name, inserted := j.mongo.DB+"."+staging.Name(), fmt.Sprintf("%d documents", result.Inserted)
	panicked := errors.As(cause, new(*cli.Panic)) // the result is lost
	switch {
	case panicked:
		inserted = "an unknown number of documents"
	case result.Unknown > 0:
		inserted += fmt.Sprintf(" (and perhaps %d more)", result.Unknown)
	}
	err := staging.Drop(ctx)
	if result.Unknown > 0 || panicked { // a batch in flight would create the collection again
		for wait := lateWriteWindow / 4; err == nil && wait <= lateWriteWindow; wait *= 2 {
			time.Sleep(wait)
			err = staging.Drop(ctx)
		}
	}
	if err != nil {
		return cli.Errorf("%w; %s is as it was; %s had been inserted into %s, which could not be dropped: drop it (%w)",
			cause, j.mongo.Namespace(), inserted, name, j.mongo.Explain(err))
	}
	return cli.Errorf("%w; %s is as it was; %s had been inserted into %s, which was dropped again",
		cause, j.mongo.Namespace(), inserted, name)
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

// cancelCause returns the cause of ctx if it is canceled, and err otherwise.
func cancelCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// maxNamespace is the limit in bytes of DATABASE.COLLECTION
// (https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-Length-of-Namespaces).
const maxNamespace = 255

// newName returns a new name for a collection next to the target: the target's name, cut to the
// limit of MongoDB, then infix and a random suffix.
func (j *job) newName(infix string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	suffix := infix + hex.EncodeToString(b[:])
	name := j.coll.Name()
	if room := maxNamespace - len(j.mongo.DB) - len(".") - len(suffix); len(name) > room {
		for room > 0 && !utf8.RuneStart(name[room]) {
			room--
		}
		name = name[:max(room, 0)]
	}
	return name + suffix
}
