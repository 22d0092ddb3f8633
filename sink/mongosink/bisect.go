package mongosink

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// Some servers refuse a whole command because of one bad statement and do not name it. With
// ContinueOnError, the sink sends such a batch again in halves, down to the single statement.

// ofStatements are the refusals of a whole command that one of its statements may have caused.
var ofStatements = []int32{
	2,     // BadValue
	9,     // FailedToParse
	14,    // TypeMismatch
	22,    // InvalidBSON
	10334, // BSONObjectTooLarge
}

// maxRefusedAlone is how many statements are refused alone, before any is executed, until the run
// fails: the reason then does not lie in the statements.
const maxRefusedAlone = 20

// refusedAsWhole returns the refusal of a batch that is bisected.
func (w *worker) refusedAsWhole(ctx context.Context, o *outcome) (mongo.CommandError, bool) {
	refusal, ok := errors.AsType[mongo.CommandError](o.err)
	return refusal, ok && o.last == refused && w.continues && ctx.Err() == nil &&
		slices.Contains(ofStatements, refusal.Code)
}

// bisect sends the halves of b, which the server refused as a whole. They count as sent before: a
// server that does not name the bad statement may have executed others.
func (w *worker) bisect(ctx context.Context, b *batch, refusal mongo.CommandError) error {
	n := len(b.statements)
	if n == 1 {
		return w.refuseAlone(ctx, b, refusal)
	}
	for _, half := range [2]*batch{b.part(0, n/2), b.part(n/2, n)} {
		if w.hasStopped() {
			return nil
		}
		err := w.write(ctx, half)
		half.free()
		if err != nil {
			return err
		}
	}
	return nil
}

// refuseAlone counts the only statement of b as refused.
func (w *worker) refuseAlone(ctx context.Context, b *batch, refusal mongo.CommandError) error {
	t := &w.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &reply{err: refusal, refused: []writeError{{code: int(refusal.Code), message: refusal.Message}}}
	if err := w.count(ctx, b, r, []fate{failed}); err != nil {
		return t.firstError(err)
	}
	if w.refusalsEnd() {
		return t.firstError(t.report(&w.writing))
	}
	if t.refusedAlone++; t.refusedAlone >= maxRefusedAlone && t.result.executed() == 0 {
		return t.firstError(w.fail(mongoerr.Mark(refusal)))
	}
	return nil
}
