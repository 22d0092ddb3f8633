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
	dropTimeout     = 30 * time.Second       // that a server may take
	lateWriteWindow = 200 * time.Millisecond // for a command whose reply nobody waits for
)

// replace restores into a new collection, which takes the target's name when it is complete. The new collection is made when the first
// document was decrypted and read: a wrong key, or an object that is no backup, is found before that.
func (j *job) replace(ctx context.Context, target targetState) (summary, error) {
	db := j.coll.Database()
	aside := db.Collection(j.newName("_restore_"))
	made := false
	create := func(ctx context.Context) error {
		err := j.mongo.Ask(ctx, "create a collection", func(ctx context.Context) error { return db.CreateCollection(ctx, aside.Name()) })
		made = err == nil || !rejected(err)
		if err != nil {
			return cancelCause(ctx, cli.Errorf("create collection %s.%s: %w", db.Name(), aside.Name(), err))
		}
		return nil
	}

	stop := j.watch("restored", &j.acknowledged)
	result, err := cli.Protect(func() (mongosink.InsertResult, error) {
		return stream.Run(ctx, stream.Via(j.documents(), cli.BeforeFirst[bson.Raw](create)), j.insert(aside))
	})
	stop()
	switch {
	case err != nil:
	case result.Inserted == 0 && target == filled && !j.allowEmpty:
		err = cli.Errorf("%s has no document in it: say -allow-empty to replace those of %s by nothing", j.s3.URL(), j.mongo.Namespace())
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		// From here on the first signal has no effect: this must not be left half done.
		err = j.protectedPublish(context.WithoutCancel(ctx), aside, target)
	}
	var strands *manualRecoveryError
	switch {
	case err == nil:
		if j.undropped != "" {
			j.program.Warn(cli.Textf("the old documents could not be dropped: they are in %s now, drop it", j.undropped),
				"the old documents could not be dropped: drop them", "collection", j.undropped)
		}
		if j.unconfirmed != nil {
			return summary{}, needsManualRecovery(j.explain(j.unconfirmed), stream.UnknownOutcome,
				"%s has the documents of the backup now, but the server did not confirm that this lasts: look at it again when all its members are well",
				j.mongo.Namespace())
		}
		return summary{InsertResult: result}, nil
	case errors.As(err, &strands):
		return summary{}, &manualRecoveryError{j.explain(strands.err), strands.what, strands.class}
	case !made:
		return summary{}, outcomeKnown(cli.Errorf("%w; %s is as it was", j.explain(err), j.mongo.Namespace()))
	}
	return summary{}, outcomeKnown(j.dropStaging(context.WithoutCancel(ctx), aside, result, j.explain(err)))
}

// publishAside is publish. If it panics, it is not known what the target has.
func (j *job) protectedPublish(ctx context.Context, aside *mongo.Collection, target targetState) error {
	_, err := cli.Protect(func() (any, error) { return nil, j.publish(ctx, aside, target) })
	if errors.As(err, new(*cli.Panic)) {
		return needsManualRecovery(err, stream.UnknownOutcome, "whether %s was replaced is unknown: if there is a collection %s.%s, it was not, and that has all of the backup",
			j.mongo.Namespace(), j.mongo.DB, aside.Name())
	}
	return err
}

// definite marks an error after which it is known what the target has, though it may not be known what the server did on the way.
func outcomeKnown(err error) error { return stream.Mark(err, stream.Fatal) }

// undo drops the collection aside and says so.
func (j *job) dropStaging(ctx context.Context, aside *mongo.Collection, result mongosink.InsertResult, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	defer j.mongo.Waiting("drop the collection of the restore")()
	name, inserted := j.mongo.DB+"."+aside.Name(), fmt.Sprintf("%d documents", result.Inserted)
	panicked := errors.As(cause, new(*cli.Panic)) // it took the result with it
	switch {
	case panicked:
		inserted = "an unknown number of documents"
	case result.Unknown > 0:
		inserted += fmt.Sprintf(" (and perhaps %d more)", result.Unknown)
	}
	err := aside.Drop(ctx)
	if result.Unknown > 0 || panicked { // a batch that the server is still at would make the collection anew
		for wait := lateWriteWindow / 4; err == nil && wait <= lateWriteWindow; wait *= 2 {
			time.Sleep(wait)
			err = aside.Drop(ctx)
		}
	}
	if err != nil {
		return cli.Errorf("%w; %s is as it was; %s had been inserted into %s, which could not be dropped: drop it (%w)",
			cause, j.mongo.Namespace(), inserted, name, j.mongo.Explain(err))
	}
	return cli.Errorf("%w; %s is as it was; %s had been inserted into %s, which was dropped again",
		cause, j.mongo.Namespace(), inserted, name)
}

// strandedError is a failure that left things for a person to look at.
type manualRecoveryError struct {
	err   error
	what  *cli.Text
	class stream.Class // UnknownOutcome if it is not known what the target has, or whether that lasts
}

func needsManualRecovery(err error, class stream.Class, what string, args ...any) *manualRecoveryError {
	return &manualRecoveryError{err, cli.Textf(what, args...), class}
}

func (e *manualRecoveryError) Error() string { return e.Unwrap().Error() }
func (e *manualRecoveryError) Unwrap() error { return cli.Errorf("%w; %w", e.err, e.what) }

// Class returns the class of the error, of which the exit code is made.
func (e *manualRecoveryError) Class() stream.Class { return e.class }

// ended returns why ctx ended, or err when it has not.
func cancelCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// maxNamespace is how long database, dot and collection may be together, in bytes
// (https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-Length-of-Namespaces).
const maxNamespace = 255

// beside returns a new name for a collection beside the target: its own, as far as there is room for it, with what and a random end.
func (j *job) newName(what string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	end := what + hex.EncodeToString(b[:])
	name := j.coll.Name()
	if room := maxNamespace - len(j.mongo.DB) - len(".") - len(end); len(name) > room {
		for room > 0 && !utf8.RuneStart(name[room]) {
			room--
		}
		name = name[:max(room, 0)]
	}
	return name + end
}
