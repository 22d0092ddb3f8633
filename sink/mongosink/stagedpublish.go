package mongosink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// Codes of the server's refusals to rename.
const (
	codeNamespaceExists = 48
	codeNotImplemented  = 238
)

// publish renames the staging collection to the target, and sets result.Target. A cancellation does
// not interrupt a rename at once: that would leave its outcome unknown.
func (r *replaceRun) publish(ctx context.Context) error {
	publishing, done := withGrace(ctx, cmp.Or(r.opts.CleanupTimeout, cancelGrace))
	defer done()
	if err := r.compareTarget(publishing); err != nil {
		return cancelCause(ctx, r.fail(err))
	}
	err := r.rename(publishing, renaming{from: r.staging, to: r.coll, dropTarget: r.target != nil})
	switch {
	case err == nil:
		r.result.Target = TargetReplaced
		return r.setExpiry(publishing)
	case errors.As(err, new(*unconfirmedError)):
		r.result.Target = TargetReplaced
		return err
	case errors.Is(err, ErrOutcomeUnknown):
		r.result.Target = TargetUnknown
		return fmt.Errorf("%w; if the collection%s exists, the target was not replaced, and that has all documents",
			err, mongoerr.Namespace(r.staging))
	case codeOf(err) == codeNotImplemented && r.target != nil:
		return r.swapInTwoSteps(publishing)
	case codeOf(err) == codeNamespaceExists && r.target == nil:
		return r.fail(fmt.Errorf("%w: it was created during the run", ErrTargetExists))
	}
	return r.fail(err)
}

// compareTarget returns [ErrTargetExists] if the target is not the one that was there before the
// run.
func (r *replaceRun) compareTarget(ctx context.Context) error {
	now, err := lookUp(ctx, r.coll.Database(), r.coll.Name())
	switch {
	case err != nil:
		return err
	case now != nil && r.target == nil:
		return fmt.Errorf("%w: it was created during the run", ErrTargetExists)
	case now != nil && uuidOf(now) != uuidOf(r.target):
		return fmt.Errorf("%w: it was created again during the run", ErrTargetExists)
	case now == nil:
		r.target = nil // dropped meanwhile
	}
	return nil
}

// setExpiry sets the time limit that the staging collection was created without.
func (r *replaceRun) setExpiry(ctx context.Context) error {
	limit := r.spec.option(expireOption)
	if limit.IsZero() {
		return nil
	}
	s := step{
		what: "set " + expireOption, db: r.coll.Database(), settle: r.opts.SettleTimeout,
		command: bson.D{{Key: "collMod", Value: r.coll.Name()}, {Key: expireOption, Value: limit}},
		tookEffect: func(ctx context.Context) (bool, error) {
			have, err := lookUp(ctx, r.coll.Database(), r.coll.Name())
			return err == nil && sameValue(limit, have.Lookup("options", expireOption)), err
		},
	}
	return s.run(ctx)
}

// renaming is a renameCollection command within one database. One of the two names is the target's;
// the other is new, and no other program knows it.
type renaming struct {
	from, to   *mongo.Collection
	dropTarget bool // drop a collection that has the new name
}

// rename renames a collection. After an error that does not match [ErrOutcomeUnknown], nothing was
// renamed.
func (r *replaceRun) rename(ctx context.Context, n renaming) error {
	db := r.coll.Database()
	moved, err := lookUp(ctx, db, n.from.Name())
	if err != nil {
		return err
	}
	s := step{
		what: "rename" + mongoerr.Namespace(n.from) + " to" + mongoerr.Namespace(n.to),
		db:   db.Client().Database("admin"), settle: r.opts.SettleTimeout,
		command: bson.D{
			{Key: "renameCollection", Value: db.Name() + "." + n.from.Name()},
			{Key: "to", Value: db.Name() + "." + n.to.Name()},
			{Key: "dropTarget", Value: n.dropTarget},
		},
		tookEffect: func(ctx context.Context) (bool, error) {
			if uuid := uuidOf(moved); uuid != "" {
				have, err := lookUp(ctx, db, n.to.Name())
				return have != nil && uuidOf(have) == uuid, err
			}
			left, err := lookUp(ctx, db, n.from.Name()) // a server without UUIDs
			if err != nil || left != nil {
				return false, err
			}
			have, err := lookUp(ctx, db, n.to.Name())
			return have != nil, err
		},
	}
	return s.run(ctx)
}

// swapInTwoSteps replaces the target on a server that cannot do it in one step.
func (r *replaceRun) swapInTwoSteps(ctx context.Context) error {
	old := r.coll.Database().Collection(r.newName("_replaced_"))
	err := r.rename(ctx, renaming{from: r.coll, to: old})
	switch {
	case errors.Is(err, ErrOutcomeUnknown) && !errors.As(err, new(*unconfirmedError)):
		r.result.Target, r.result.Old = TargetUnknown, old.Name()
		return fmt.Errorf("%w; if the target does not exist now, the old documents are in%s", err,
			mongoerr.Namespace(old))
	case err != nil && !errors.As(err, new(*unconfirmedError)):
		return r.fail(fmt.Errorf("move the old collection: %w", err))
	}
	r.result.Old = old.Name()
	err = r.rename(ctx, renaming{from: r.staging, to: r.coll})
	switch {
	case err == nil || errors.As(err, new(*unconfirmedError)):
		r.result.Target = TargetReplaced
	case errors.Is(err, ErrOutcomeUnknown):
		r.result.Target = TargetUnknown
		return fmt.Errorf("%w; the old documents are in%s", err, mongoerr.Namespace(old))
	default:
		return r.swapBack(ctx, err, old)
	}
	if dropErr := ask(ctx, func(ctx context.Context) error { return old.Drop(ctx) }); dropErr == nil {
		r.result.Old = ""
	}
	if err != nil {
		return err
	}
	return r.setExpiry(ctx)
}

// swapBack gives the old collection the target's name again, after the rename of the staging
// collection was refused with cause.
func (r *replaceRun) swapBack(ctx context.Context, cause error, old *mongo.Collection) error {
	back := r.rename(ctx, renaming{from: old, to: r.coll})
	switch {
	case back == nil || errors.As(back, new(*unconfirmedError)):
		r.result.Old = ""
		return r.fail(cause)
	case errors.Is(back, ErrOutcomeUnknown):
		r.result.Target = TargetUnknown
	default:
		r.result.Target = TargetMoved
	}
	return fmt.Errorf("%w; if the target does not exist now, the old documents are in%s: rename it back (%w)",
		cause, mongoerr.Namespace(old), back)
}

// withGrace returns a context that ends some time after ctx.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel(nil) }
}
