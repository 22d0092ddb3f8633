package mongosink

import (
	"context"
	"fmt"
)

// noteLost notes the documents that the server may still write by a lost attempt to send b. It returns
// an error if the run must end.
func (w *worker) noteLost(ctx context.Context, b *batch, o *outcome) error {
	if !w.mayChangeLater(b, o) {
		return nil
	}
	if why := w.late.note(b, w.kind(ctx), w.onlyInserts); why != nil {
		return w.unordered(b.statements[0].index, "got no reply at first", why)
	}
	return nil
}

// checkOrder reports whether the run must stop, because a lost attempt may overturn b. The error is nil
// if the run has failed before.
func (w *worker) checkOrder(ctx context.Context, b *batch) (stop bool, err error) {
	if !b.ordered {
		return false, nil
	}
	i, why := w.late.overturns(b)
	switch {
	case why == nil:
		return false, nil
	case ctx.Err() != nil:
		return true, w.tally.first(context.Cause(ctx))
	}
	return true, w.tally.first(w.unordered(b.statements[i].index, "was not sent", why))
}

// unordered returns the error of a run whose writes may not be executed in order.
func (w *worker) unordered(index int64, did string, why error) error {
	return w.fail(fmt.Errorf("%w: write number %d %s: %w, and the server may execute it later",
		ErrOutcomeUnknown, index, did, why))
}

// kind returns the kind of the collection. It is unknown if the user has no right to ask for it, or if
// the server does not answer in the time that the batch has for repetitions.
func (w *worker) kind(ctx context.Context) collectionKind {
	var kind collectionKind
	err := w.lookAgain(ctx, func() (err error) {
		kind, err = w.askKind(ctx)
		return err
	})
	if err != nil {
		return collectionKind{unknown: true, collated: true}
	}
	return kind
}
