package mongosink

import (
	"context"
	"fmt"
)

// A server without retryable writes may execute an attempt whose reply was lost late: after the one
// that repeated it, and after later batches of the run. In an ordered run it would overturn a later
// write to the same document. Such a write is not sent.

// lateWrites has the _ids of the documents that a lost attempt may still write. The value reports
// whether it only inserts: then it changes no document that a later insert stores.
type lateWrites map[string]bool

// maxLateWrites limits the _ids that are kept. With more, every later batch counts as one that is
// overturned.
const maxLateWrites = 10_000

// note adds the documents of b, if an attempt to send it may still be executed.
func (l *lateWrites) note(b *batch, o *outcome) {
	if !b.ordered || !o.lost || o.numbered {
		return
	}
	if *l == nil {
		*l = lateWrites{}
	}
	for i := range b.statements {
		if len(*l) > maxLateWrites || !b.idempotent() {
			return // a batch that is not idempotent was sent once, and the run ends
		}
		id := idKeyOf(b.id(i))
		inserted, known := (*l)[id]
		(*l)[id] = b.verb == inserts && (inserted || !known)
	}
}

// overturns returns the first statement of b that a late write may overturn, or -1.
func (l lateWrites) overturns(b *batch) int {
	if len(l) == 0 {
		return -1
	}
	for i, st := range b.statements {
		if len(l) > maxLateWrites || b.verb != inserts && !st.byID {
			return i
		}
		if inserted, known := l[idKeyOf(b.id(i))]; known && !(inserted && b.verb == inserts) {
			return i
		}
	}
	return -1
}

// checkOrder returns an error if b must not be sent.
func (w *worker) checkOrder(ctx context.Context, b *batch) error {
	i := w.late.overturns(b)
	if i < 0 || ctx.Err() != nil {
		return nil
	}
	t := &w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.firstError(w.fail(fmt.Errorf("%w: write number %d was not sent: the reply to an earlier one to the same "+
		"document was lost, and a server without retryable writes may execute it later", ErrOutcomeUnknown,
		b.statements[i].index)))
}
