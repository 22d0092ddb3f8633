package mongosink

import (
	"context"
	"fmt"
)

// noteLost notes the documents that the server may still write by a lost attempt to send b. It returns
// an error if the run must end.
//
// A server does not execute a lost attempt if it remembers all statements of the batch, or a write of
// the same session with a higher number. Each shard of a cluster remembers only its own writes.
func (w *worker) noteLost(ctx context.Context, b *batch, o *outcome) error {
	if !b.ordered {
		return nil
	}
	remembered := int64(0)
	if o.numbered && o.last == answered {
		remembered = o.reply.changed(b)
	}
	if remembered > 0 && w.server.replicated {
		*w.numbered = lateWrites{}
	}
	if !o.lost || remembered == int64(len(b.statements)) {
		return nil
	}
	l := w.late
	if w.supersedes(o) {
		l = w.numbered
	}
	why := l.note(b, w.kind(ctx), w.onlyInserts)
	if why == nil {
		return nil
	}
	err := w.unordered(b.statements[0].index, "got no reply at first", why)
	if o.numbered {
		l.all = err // the rest of b has a higher number, and is in order
		return nil
	}
	return err
}

// checkOrder reports whether the run must stop, because a lost attempt may overturn b. The error is nil
// if the run has failed before.
func (w *worker) checkOrder(ctx context.Context, b *batch) (stop bool, err error) {
	if !b.ordered {
		return false, nil
	}
	err = w.overturned(b, w.late)
	if err == nil && !w.numbers(b) {
		err = w.overturned(b, w.numbered)
	}
	switch {
	case err == nil:
		return false, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return true, w.tally.first(err)
}

// overturned returns an error if the writes of l may overturn b.
func (w *worker) overturned(b *batch, l *lateWrites) error {
	if l.all != nil {
		return l.all
	}
	if i, why := l.overturns(b); why != nil {
		return w.unordered(b.statements[i].index, "was not sent", why)
	}
	return nil
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
