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
	codeUUIDMismatch    = 361
)

// publish renames the staging collection to the target, and sets result.Target. A cancellation does
// not interrupt a rename at once: that would leave its outcome unknown. So the rename and the
// commands after it have the context finishing, which ends some time after ctx.
func (r *replaceRun) publish(ctx, finishing context.Context) error {
	if err := r.compareTarget(ctx); err != nil {
		return cancelCause(ctx, r.fail(err))
	}
	publication := r.publication()
	if r.target != nil {
		publication.dropTarget, publication.targetUUID = true, uuidOf(r.target)
	}
	err := r.rename(ctx, finishing, publication)
	if err == nil {
		err = r.confirm(finishing)
	}
	switch {
	case errors.Is(err, ErrStagingChanged) && r.result.Target == TargetUnknown:
		return err
	case err == nil || errors.As(err, new(*unconfirmedError)):
		r.result.Target = TargetReplaced
		return errors.Join(err, r.setExpiry(finishing))
	case errors.Is(err, ErrOutcomeUnknown):
		r.result.Target = TargetUnknown
		return fmt.Errorf("%w; if the collection%s exists, the target was not replaced, and that has all documents",
			err, mongoerr.Namespace(r.staging))
	case codeOf(err) == codeNotImplemented && r.target != nil:
		return r.swapInTwoSteps(ctx, finishing)
	case codeOf(err) == codeNamespaceExists && r.target == nil:
		return r.fail(fmt.Errorf("%w: it was created during the run", ErrTargetExists))
	case codeOf(err) == codeUUIDMismatch:
		return r.fail(fmt.Errorf("%w: %w", r.mismatched(err), err))
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

// setExpiry sets the time limit that the staging collection was created without. It returns
// [ErrExpiryNotSet] if that failed.
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
		ownEffect: true,
	}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrExpiryNotSet, err)
	}
	return nil
}

// swapInTwoSteps replaces the target on a server that cannot do it in one step.
func (r *replaceRun) swapInTwoSteps(ctx, finishing context.Context) error {
	old := r.coll.Database().Collection(r.newName("_replaced_"))
	err := r.rename(ctx, finishing, renaming{from: r.coll, to: old, uuid: uuidOf(r.target), changed: errOldChanged})
	switch {
	case errors.Is(err, ErrOutcomeUnknown) && !errors.As(err, new(*unconfirmedError)):
		r.result.Target, r.result.Old = TargetUnknown, old.Name()
		return fmt.Errorf("%w; if the target does not exist now, the old documents are in%s", err,
			mongoerr.Namespace(old))
	case err != nil && !errors.As(err, new(*unconfirmedError)):
		return r.fail(fmt.Errorf("move the old collection: %w", err))
	}
	r.result.Old = old.Name()
	err = r.rename(finishing, finishing, r.publication())
	if err == nil {
		err = r.confirm(finishing)
	}
	switch {
	case err == nil || errors.As(err, new(*unconfirmedError)):
		r.result.Target = TargetReplaced
	case errors.Is(err, ErrOutcomeUnknown):
		r.result.Target = TargetUnknown
		return fmt.Errorf("%w; the old documents are in%s", err, mongoerr.Namespace(old))
	default:
		return r.swapBack(finishing, err, old)
	}
	if dropErr := ask(finishing, func(ctx context.Context) error { return old.Drop(ctx) }); dropErr == nil {
		r.result.Old = ""
	}
	return errors.Join(err, r.setExpiry(finishing))
}

// swapBack gives the old collection the target's name again, after the rename of the staging
// collection was refused with cause.
func (r *replaceRun) swapBack(ctx context.Context, cause error, old *mongo.Collection) error {
	back := r.rename(ctx, ctx, renaming{from: old, to: r.coll, uuid: uuidOf(r.target), changed: errOldChanged})
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

// withGrace returns a context that ends some time after ctx, or after this call if ctx has ended.
func (r *replaceRun) withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	grace := cmp.Or(r.opts.CleanupTimeout, cancelGrace)
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel(nil) }
}
