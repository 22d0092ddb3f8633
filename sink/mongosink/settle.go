package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// fate is what is known about one statement at the end.
type fate byte

const (
	executed     fate = iota
	alreadyThere      // the document was stored before, with the same bytes
	failed            // the server refused it
	conflicting       // the server refused it: the collection has another document with its _id
	undecided         // it may be executed or not
	untried           // it was not executed
)

// settle counts the outcome of b. It returns an error if the run must end, and the rest of an
// ordered batch that must still be sent.
func (w *worker) settle(ctx context.Context, b *batch, o *outcome) (rest *batch, err error) {
	switch {
	case o.last == answered:
		return w.settleReply(ctx, b, o)
	case o.maybe:
		return nil, w.settleUnknown(ctx, b, o)
	}
	t := &w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return nil, t.firstError(context.Cause(ctx))
	}
	return nil, t.firstError(w.fail(mongoerr.Mark(o.err)))
}

// settleReply counts a batch of which the server says what it did.
func (w *worker) settleReply(ctx context.Context, b *batch, o *outcome) (rest *batch, err error) {
	r := &o.reply
	if len(r.refused) == 0 && r.concern == nil {
		w.tally.all(b, r)
		return nil, nil
	}
	fates := b.fates(r.refused)
	doubt := w.settleDuplicates(ctx, b, r.refused, fates)
	if more := w.settleTransient(ctx, b, o, fates); doubt == nil {
		doubt = more
	}
	if r.concern != nil {
		for i, f := range fates {
			if f == executed || f == alreadyThere {
				fates[i] = undecided
			}
		}
	}
	t := &w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := w.count(ctx, b, r, fates); err != nil {
		return nil, t.firstError(err)
	}
	switch {
	case ctx.Err() != nil && (doubt != nil || r.concern == nil && number(fates, undecided) > 0):
		return nil, t.firstError(context.Cause(ctx)) // the run ended before it could read back
	case r.concern != nil && number(fates, undecided) > 0:
		return nil, t.firstError(w.unknown(b, fmt.Errorf("the write concern was not met: %w", r.exception())))
	case number(fates, undecided) > 0:
		return nil, t.firstError(w.unknown(b, fmt.Errorf("%s: %w", b.whyUnknown(), join(r.exception(), doubt))))
	}
	if slices.ContainsFunc(fates, isRefused) && w.refusalsEnd() {
		return nil, t.firstError(t.report(&w.writing))
	}
	return b.rest(fates), nil
}

// fates returns what a reply says about each statement.
func (b *batch) fates(refused []writeError) []fate {
	fates := make([]fate, len(b.statements))
	for _, e := range refused {
		fates[e.statement] = failed
		if b.ordered {
			for i := e.statement + 1; i < len(fates); i++ {
				fates[i] = untried
			}
		}
	}
	return fates
}

// whyUnknown returns why a refusal of b proves nothing.
func (b *batch) whyUnknown() string {
	if b.resent {
		return "the batch was sent twice"
	}
	return "the server may have executed what it refused"
}

// all returns the indexes of all statements.
func (b *batch) all() []int {
	all := make([]int, len(b.statements))
	for i := range all {
		all[i] = i
	}
	return all
}

// rest returns the untried end of an ordered batch, or nil.
func (b *batch) rest(fates []fate) *batch {
	i := slices.Index(fates, untried)
	if i < 0 {
		return nil
	}
	rest := b.part(i, len(b.statements))
	rest.resent = b.resent
	return rest
}

// settleDuplicates decides what inserts that were refused for a duplicate key mean. An _id that the
// sink made is proof that an earlier attempt stored the document. For others it reads the stored
// document. doubt is why it could not.
func (w *worker) settleDuplicates(ctx context.Context, b *batch, refused []writeError, fates []fate) (doubt error) {
	if b.verb != inserts || w.session.inTransaction() {
		return nil
	}
	var compare []int
	for _, e := range refused {
		switch {
		case !duplicateCode(e.code):
		case b.statements[e.statement].generated && e.ofID():
			fates[e.statement] = executed
			if b.ordered { // the documents after it may be there too
				compare = append(compare, b.all()[e.statement+1:]...)
			}
		case b.ordered:
			compare = append(compare, b.all()[e.statement:]...)
		default:
			compare = append(compare, e.statement)
		}
	}
	if len(compare) == 0 {
		return nil
	}
	found, doubt := w.readBack(ctx, b, compare, "")
	before := executed
	for _, i := range compare {
		switch {
		case fates[i] != untried, doubt == nil && (found[i] == same || found[i] == other && b.statements[i].generated):
			fates[i] = b.fateOf(i, found[i], doubt)
		case before == undecided: // the attempt without a reply may have gone further
			fates[i] = undecided
		default:
			return doubt
		}
		before = fates[i]
	}
	return doubt
}

// fateOf returns the fate of statement i, whose key is a duplicate, after reading back what the
// collection has. doubt is why that failed.
func (b *batch) fateOf(i int, found presence, doubt error) fate {
	st := b.statements[i]
	switch {
	case doubt == nil && (found == same && b.resent || st.generated && (found == same || found == other)):
		return executed
	case doubt == nil && found == same:
		return alreadyThere
	case doubt == nil && found == other && !st.mayChange:
		return conflicting
	case b.resent && (doubt != nil || found == other):
		return undecided
	}
	return failed
}

// settleUnknown decides about the statements of a batch without a reply by reading back what the
// collection has.
func (w *worker) settleUnknown(ctx context.Context, b *batch, o *outcome) error {
	fates := make([]fate, len(b.statements))
	doubt := w.look(ctx, b, o, b.all(), fates)
	t := &w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := w.count(ctx, b, nil, fates); err != nil {
		return t.firstError(err)
	}
	switch {
	case ctx.Err() != nil:
		return t.firstError(context.Cause(ctx))
	case number(fates, undecided) > 0:
		return t.firstError(w.unknown(b, join(o.err, doubt)))
	case number(fates, untried) > 0:
		return t.firstError(w.fail(mongoerr.Mark(o.err)))
	case slices.ContainsFunc(fates, isRefused) && w.refusalsEnd():
		return t.firstError(t.report(&w.writing))
	}
	return nil
}

// join adds why an outcome could not be settled to its cause.
func join(err, doubt error) error {
	if doubt == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, doubt)
}

// unknown returns the error of a batch with an unknown outcome. The server's message comes first.
func (w *writing) unknown(b *batch, err error) error {
	err = mongoerr.Bound(err)
	n, first := len(b.statements), b.statements[0].index
	if said, ok := errors.AsType[mongo.CommandError](err); ok && said.Code != 0 {
		return w.fail(fmt.Errorf("%w; %w: %d documents, from number %d on", err, ErrOutcomeUnknown, n, first))
	}
	return w.fail(fmt.Errorf("%w: %d documents, from number %d on: %w", ErrOutcomeUnknown, n, first, err))
}
