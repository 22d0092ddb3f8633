package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/stream"
)

// How long a server may take for what is left to do when all was read. Renaming is a matter of milliseconds for mongod; others copy
// the documents.
const (
	renameTimeout  = 10 * time.Minute
	resolveTimeout = 30 * time.Second // for finding out what became of a renaming
)

// Codes of server errors.
const (
	codeNamespaceExists = 48
	codeNotImplemented  = 238
)

// interruptions are the codes by which a server says that it did not get to the end of a command, which may be past the point where the
// command took effect, or before it with the work still going on
// (https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md).
var interruptedCodes = []int32{
	6,     // HostUnreachable
	7,     // HostNotFound
	24,    // LockTimeout
	50,    // MaxTimeMSExpired
	64,    // WriteConcernFailed
	79,    // UnknownReplWriteConcern
	89,    // NetworkTimeout
	91,    // ShutdownInProgress
	100,   // UnsatisfiableWriteConcern
	112,   // WriteConflict
	134,   // ReadConcernMajorityNotAvailableYet
	175,   // QueryPlanKilled
	189,   // PrimarySteppedDown
	202,   // NetworkInterfaceExceededTimeLimit
	237,   // CursorKilled
	262,   // ExceededTimeLimit
	290,   // TransactionExceededLifetimeLimitSeconds
	384,   // ConnectionPoolExpired
	9001,  // SocketException
	10058, // NotPrimary, of old servers
	10107, // NotWritablePrimary
	11600, // InterruptedAtShutdown
	11601, // Interrupted
	11602, // InterruptedDueToReplStateChange
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
}

// refused tells whether err is a server's word that it will not do what it was asked to, and did not begin.
func rejected(err error) bool {
	var server mongo.CommandError
	return errors.As(err, &server) && !server.HasErrorLabel("NetworkError") && !slices.Contains(interruptedCodes, server.Code)
}

// unsettledError is a renaming of which it stayed unknown whether it took place.
type unknownRenameError struct{ error }

func (e unknownRenameError) Unwrap() error { return e.error }

// publish gives the collection aside the target's name, in the target's place where there is one. On an error other than a
// [*strandedError] the target is as it was.
func (j *job) publish(ctx context.Context, aside *mongo.Collection, target targetState) error {
	err := j.rename(ctx, aside.Name(), j.coll.Name(), target != missing)
	var server mongo.CommandError
	_ = errors.As(err, &server)
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(unknownRenameError)):
		return needsManualRecovery(err, stream.UnknownOutcome, "whether %s was replaced is unknown: if there is a collection %s.%s, it was not, and that has all of the backup",
			j.mongo.Namespace(), j.mongo.DB, aside.Name())
	case server.Code == codeNotImplemented && target != missing:
		return j.swapInTwoSteps(ctx, aside)
	case server.Code == codeNamespaceExists && target == missing:
		return cli.Errorf("collection %s was made by someone else meanwhile: say -drop to replace it, or -merge to add to it", j.mongo.Namespace())
	}
	return cli.Errorf("rename the restored collection: %w", err)
}

// swap replaces the target in two steps, where the server cannot do it in one.
func (j *job) swapInTwoSteps(ctx context.Context, aside *mongo.Collection) error {
	old := j.coll.Database().Collection(j.newName("_replaced_"))
	err := j.rename(ctx, j.coll.Name(), old.Name(), false)
	switch {
	case errors.As(err, new(unknownRenameError)):
		return needsManualRecovery(err, stream.UnknownOutcome, "if there is no %s now, the old documents are in %s.%s: rename that; those of the backup are in %s.%s",
			j.mongo.Namespace(), j.mongo.DB, old.Name(), j.mongo.DB, aside.Name())
	case err != nil:
		return cli.Errorf("rename the old collection: %w", err)
	}
	if err := j.rename(ctx, aside.Name(), j.coll.Name(), false); err != nil {
		unsettled := errors.As(err, new(unknownRenameError))
		var back error
		if !unsettled {
			back = j.rename(ctx, old.Name(), j.coll.Name(), false)
			unsettled = errors.As(back, new(unknownRenameError))
		}
		if unsettled || back != nil {
			class := stream.Fatal
			if unsettled {
				class = stream.UnknownOutcome
			}
			return needsManualRecovery(err, class, "if there is no %s now, the old documents are in %s.%s and those of the backup in %s.%s: rename one of them to it",
				j.mongo.Namespace(), j.mongo.DB, old.Name(), j.mongo.DB, aside.Name())
		}
		return cli.Errorf("rename the restored collection: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	defer j.mongo.Waiting("drop the old collection")()
	if old.Drop(ctx) != nil {
		j.undropped = j.mongo.DB + "." + old.Name()
	}
	return nil
}

// rename renames a collection. Where the answer does not tell whether that took place, it looks; while there is nothing to be seen, the
// server may still be at it, so that only the same command again, which waits for the first, or does its work, can tell. On an
// error other than an [unsettledError] nothing was renamed.
func (j *job) rename(ctx context.Context, from, to string, replace bool) error {
	defer j.mongo.Waiting("rename the collection")()
	first := j.sendRename(ctx, renameTimeout, from, to, replace)
	if first == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for err, wait := first, lateWriteWindow/4; ; wait *= 2 {
		took, unseen := j.checkRenamed(ctx, from, to)
		switch {
		case unseen == nil && took:
			var written mongo.WriteException
			if errors.As(errors.Join(first, err), &written) {
				j.unconfirmed = written
			}
			return nil
		case unseen == nil && rejected(err):
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return unknownRenameError{first}
		}
		if err = j.sendRename(ctx, resolveTimeout, from, to, replace); err == nil {
			return nil
		}
	}
}

// renamed looks whether a renaming took place. One of the two names is the target's, the other a new one that nobody else knows.
func (j *job) checkRenamed(ctx context.Context, from, to string) (bool, error) {
	own := from
	if from == j.coll.Name() {
		own = to
	}
	names, err := j.coll.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: own}})
	return (len(names) > 0) == (own == to), err
}

// try sends the command once.
func (j *job) sendRename(ctx context.Context, limit time.Duration, from, to string, replace bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return j.coll.Database().Client().Database("admin").RunCommand(ctx, bson.D{
		{Key: "renameCollection", Value: j.mongo.DB + "." + from},
		{Key: "to", Value: j.mongo.DB + "." + to},
		{Key: "dropTarget", Value: replace},
	}).Err()
}
