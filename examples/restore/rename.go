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

const (
	renameTimeout  = 10 * time.Minute // mongod needs milliseconds; other servers copy the documents
	resolveTimeout = 30 * time.Second // to find out whether a rename took place
)

// Codes of server errors.
const (
	codeNamespaceExists = 48
	codeNotImplemented  = 238
)

// interruptedCodes are the codes of commands that did not run to their end. The command may have
// taken effect, or may still take effect:
// https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
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
	10058, // LegacyNotPrimary
	10107, // NotWritablePrimary
	11600, // InterruptedAtShutdown
	11601, // Interrupted
	11602, // InterruptedDueToReplStateChange
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
}

// rejected reports whether the server rejected a command without acting on it.
func rejected(err error) bool {
	var server mongo.CommandError
	return errors.As(err, &server) && !server.HasErrorLabel("NetworkError") &&
		!slices.Contains(interruptedCodes, server.Code)
}

// unknownRenameError is the error of a rename that may have taken place.
type unknownRenameError struct{ error }

func (e unknownRenameError) Unwrap() error { return e.error }

// publish renames the staging collection to the target, and replaces the target if it exists. After
// an error other than a [*manualRecoveryError] the target is unchanged.
func (j *job) publish(ctx context.Context, staging *mongo.Collection, target targetState) error {
	rename := renaming{from: staging.Name(), to: j.coll.Name(), replace: target != missing}
	err := j.rename(ctx, rename)
	var server mongo.CommandError
	_ = errors.As(err, &server)
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(unknownRenameError)):
		return j.replacementUnknown(err, staging)
	case server.Code == codeNotImplemented && target != missing:
		return j.swapInTwoSteps(ctx, staging)
	case server.Code == codeNamespaceExists && target == missing:
		return cli.Errorf("collection %s was made by someone else meanwhile: say -drop to replace it, or -merge "+
			"to add to it",
			j.mongo.Namespace())
	}
	return cli.Errorf("rename the restored collection: %w", err)
}

// swapInTwoSteps replaces the target on a server that cannot do it in one step.
func (j *job) swapInTwoSteps(ctx context.Context, staging *mongo.Collection) error {
	old := j.coll.Database().Collection(j.newName("_replaced_"))
	err := j.rename(ctx, renaming{from: j.coll.Name(), to: old.Name()})
	switch {
	case errors.As(err, new(unknownRenameError)):
		return needsManualRecovery(err, stream.UnknownOutcome,
			"if there is no %s now, the old documents are in %s.%s: rename that; those of the backup are in %s.%s",
			j.mongo.Namespace(), j.mongo.DB, old.Name(), j.mongo.DB, staging.Name())
	case err != nil:
		return cli.Errorf("rename the old collection: %w", err)
	}
	if err := j.rename(ctx, renaming{from: staging.Name(), to: j.coll.Name()}); err != nil {
		return j.swapBack(ctx, err, old, staging)
	}
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	defer j.mongo.Waiting("drop the old collection")()
	if old.Drop(ctx) != nil {
		j.undropped = j.mongo.DB + "." + old.Name()
	}
	return nil
}

// swapBack gives the old collection the target's name again, after the rename of the staging
// collection has failed with err.
func (j *job) swapBack(ctx context.Context, err error, old, staging *mongo.Collection) error {
	class := stream.UnknownOutcome
	if !errors.As(err, new(unknownRenameError)) {
		back := j.rename(ctx, renaming{from: old.Name(), to: j.coll.Name()})
		if back == nil {
			return cli.Errorf("rename the restored collection: %w", err)
		}
		if !errors.As(back, new(unknownRenameError)) {
			class = stream.Fatal
		}
	}
	return needsManualRecovery(err, class,
		"if there is no %s now, the old documents are in %s.%s and those of the backup in %s.%s: rename one of "+
			"them to it",
		j.mongo.Namespace(), j.mongo.DB, old.Name(), j.mongo.DB, staging.Name())
}

// renaming is a renameCollection command within the target's database. One of the two names is the
// target's; the other is new, and no other program knows it.
type renaming struct {
	from, to string
	replace  bool // drop a collection named to
}

// rename renames a collection. If the reply is lost, rename checks whether the new name exists. If
// it does not, the server may still be working, so rename sends the same command again. The second
// command waits for the first or does its work. After an error other than an [unknownRenameError]
// nothing was renamed.
func (j *job) rename(ctx context.Context, r renaming) error {
	defer j.mongo.Waiting("rename the collection")()
	first := j.sendRename(ctx, renameTimeout, r)
	if first == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for err, wait := first, lateWriteWindow/4; ; wait *= 2 {
		renamed, lookErr := j.checkRenamed(ctx, r)
		switch {
		case lookErr == nil && renamed:
			var written mongo.WriteException
			if errors.As(errors.Join(first, err), &written) {
				j.unconfirmed = written
			}
			return nil
		case lookErr == nil && rejected(err):
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return unknownRenameError{first}
		}
		if err = j.sendRename(ctx, resolveTimeout, r); err == nil {
			return nil
		}
	}
}

// checkRenamed reports whether r took place. It looks for the name that is not the target's.
func (j *job) checkRenamed(ctx context.Context, r renaming) (bool, error) {
	newName := r.from
	if r.from == j.coll.Name() {
		newName = r.to
	}
	names, err := j.coll.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: newName}})
	return (len(names) > 0) == (newName == r.to), err
}

// sendRename sends the command once.
func (j *job) sendRename(ctx context.Context, limit time.Duration, r renaming) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return j.coll.Database().Client().Database("admin").RunCommand(ctx, bson.D{
		{Key: "renameCollection", Value: j.mongo.DB + "." + r.from},
		{Key: "to", Value: j.mongo.DB + "." + r.to},
		{Key: "dropTarget", Value: r.replace},
	}).Err()
}
