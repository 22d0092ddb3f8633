package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// renaming is a renameCollection command within one database.
type renaming struct {
	from, to   *mongo.Collection
	uuid       string // of from; "" if the server gives none
	changed    error  // returned if from does not exist, or has another UUID
	dropTarget bool   // drop a collection that has the new name
	targetUUID string // of that collection
	byName     bool   // the server knows no UUIDs in the command
}

// command returns the command. With UUIDs, a server renames and drops only the collections that have
// them, since MongoDB 6.0
// (https://www.mongodb.com/docs/manual/reference/command/renameCollection/).
func (n *renaming) command() bson.D {
	name := func(c *mongo.Collection) string { return c.Database().Name() + "." + c.Name() }
	uuid := func(data string) bson.Binary { return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte(data)} }
	command := bson.D{{Key: "renameCollection", Value: name(n.from)}, {Key: "to", Value: name(n.to)}}
	if n.dropTarget && n.targetUUID != "" && !n.byName {
		command = append(command, bson.E{Key: "dropTarget", Value: uuid(n.targetUUID)})
	} else {
		command = append(command, bson.E{Key: "dropTarget", Value: n.dropTarget})
	}
	if n.uuid != "" && !n.byName {
		command = append(command, bson.E{Key: "collectionUUID", Value: uuid(n.uuid)})
	}
	return command
}

// refusesUUIDs reports whether err may mean that the server knows no UUIDs in the command. One that
// has not implemented dropTarget (FerretDB) says so.
func (n *renaming) refusesUUIDs(err error) bool {
	const badValue, failedToParse, typeMismatch, invalidOptions, unknownField = 2, 9, 14, 72, 40415
	code := codeOf(err)
	codes := []int32{badValue, failedToParse, typeMismatch, invalidOptions, unknownField}
	if n.dropTarget {
		codes = append(codes, codeNamespaceExists)
	} else {
		codes = append(codes, codeNotImplemented)
	}
	return !errors.Is(err, ErrOutcomeUnknown) && n.uuid != "" && slices.Contains(codes, code)
}

// publication returns the renaming of the staging collection to the target.
func (r *replaceRun) publication() renaming {
	return renaming{from: r.staging, to: r.coll, uuid: r.stagingUUID, changed: ErrStagingChanged}
}

// errOldChanged says that the collection that is replaced in two steps is not there.
var errOldChanged = stream.Mark(
	errors.New("another program dropped the old collection, or created it again"), stream.Fatal)

// rename renames a collection. After an error that does not match [ErrOutcomeUnknown], nothing was
// renamed. The command is sent with the context sending; ctx ends the look before it.
func (r *replaceRun) rename(ctx, sending context.Context, n renaming) error {
	moved, err := lookUp(ctx, r.coll.Database(), n.from.Name())
	switch {
	case err != nil:
		return err
	case moved == nil || uuidOf(moved) != n.uuid:
		return n.changed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	err = r.sendRename(sending, n)
	if n.refusesUUIDs(err) {
		n.byName = true
		err = r.sendRename(sending, n)
	}
	return err
}

// sendRename sends the command of n until its outcome is known.
func (r *replaceRun) sendRename(ctx context.Context, n renaming) error {
	db := r.coll.Database()
	s := step{
		what: "rename" + mongoerr.Namespace(n.from) + " to" + mongoerr.Namespace(n.to),
		db:   db.Client().Database("admin"), settle: r.opts.SettleTimeout,
		command: n.command(),
		tookEffect: func(ctx context.Context) (bool, error) {
			if n.uuid != "" {
				have, err := lookUp(ctx, db, n.to.Name())
				return have != nil && uuidOf(have) == n.uuid, err
			}
			left, err := lookUp(ctx, db, n.from.Name()) // a server without UUIDs
			if err != nil || left != nil {
				return false, err
			}
			have, err := lookUp(ctx, db, n.to.Name())
			return have != nil, err
		},
		ownEffect: n.uuid != "",
	}
	return s.run(ctx)
}

// confirm returns [ErrStagingChanged], and sets result.Target, if the target is not the staging
// collection of this run after the rename. A server that ignores UUIDs in the command may have renamed
// another collection, which got the name of the staging collection after the last look.
func (r *replaceRun) confirm(ctx context.Context) error {
	if r.stagingUUID == "" {
		return nil
	}
	deadline := time.Now().Add(r.opts.SettleTimeout)
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		have, err := lookUp(ctx, r.coll.Database(), r.coll.Name())
		switch {
		case err == nil && have != nil && uuidOf(have) == r.stagingUUID:
			return nil
		case err == nil:
			r.result.Target = TargetUnknown
			return r.fail(fmt.Errorf("%w: after the rename, the target is not the collection of this run",
				ErrStagingChanged))
		case time.Now().Add(wait).After(deadline) || !sleep(ctx, wait):
			return fmt.Errorf("%w: the target was renamed, and could not be looked at: %w", ErrOutcomeUnknown, err)
		}
	}
}

// mismatched returns which collection had another UUID, by the server's refusal to rename.
func (r *replaceRun) mismatched(err error) error {
	if said, ok := errors.AsType[mongo.CommandError](err); ok {
		if _, data, ok := said.Raw.Lookup("collectionUUID").BinaryOK(); ok && string(data) == uuidOf(r.target) {
			return fmt.Errorf("%w: it was dropped, or created again, during the run", ErrTargetExists)
		}
	}
	return ErrStagingChanged
}
