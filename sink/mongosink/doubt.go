package mongosink

import (
	"context"
	"fmt"
	"slices"

	"github.com/millweir/millweir/internal/mongoerr"
)

// mayExecute are codes with which a server refuses a statement that it may have executed: it lost
// the server that executes, was interrupted, or ran out of time.
var mayExecute = []int{
	6,     // HostUnreachable
	50,    // MaxTimeMSExpired
	89,    // NetworkTimeout
	91,    // ShutdownInProgress
	189,   // PrimarySteppedDown
	202,   // NetworkInterfaceExceededTimeLimit
	262,   // ExceededTimeLimit
	9001,  // SocketException
	11600, // InterruptedAtShutdown
	11602, // InterruptedDueToReplStateChange
	91331, // RetriableRemoteCommandFailure
}

// doubtful returns the statements of which a reply does not prove that they were not executed. A
// transient refusal says nothing about an earlier attempt, and nothing about the documents that a
// statement changed before it was stopped.
func (b *batch) doubtful(refused []writeError, fates []fate) (statements []int) {
	for _, e := range refused {
		if fates[e.statement] != failed || !mongoerr.ClassOfWrite(e.code).Transient() {
			continue
		}
		if b.resent || b.verb.ofMany() || slices.Contains(mayExecute, e.code) {
			statements = append(statements, e.statement)
		}
		for i := e.statement + 1; b.resent && b.ordered && i < len(fates); i++ {
			statements = append(statements, i)
		}
	}
	return statements
}

// settleTransient decides about the doubtful statements of a reply by reading them back. doubt is
// why it could not.
func (w *worker) settleTransient(ctx context.Context, b *batch, o *outcome, fates []fate) (doubt error) {
	if w.session.inTransaction() {
		return nil // it ends, and its writes with it
	}
	statements := b.doubtful(o.reply.refused, fates)
	if len(statements) == 0 {
		return nil
	}
	doubt = w.look(ctx, b, o, statements, fates)
	for _, e := range o.reply.refused {
		if fates[e.statement] == untried {
			fates[e.statement] = failed
		}
	}
	if i := slices.Index(fates, untried); b.ordered && i >= 0 {
		for ; i < len(fates); i++ {
			fates[i] = untried // the rest is sent, which finds what is there
		}
	}
	return doubt
}

// look finds out the fates of statements by reading them back. doubt is why it could not.
func (w *worker) look(ctx context.Context, b *batch, o *outcome, statements []int, fates []fate) (doubt error) {
	for _, i := range statements {
		fates[i] = undecided
	}
	if !b.idempotent() || w.session.inTransaction() || mongoerr.Panicked(o.err) || ctx.Err() != nil {
		return nil
	}
	found, doubt := w.readBack(ctx, b, statements, w.readLevel)
	if doubt == nil && w.readLevel != "" {
		doubt = w.lookLocally(ctx, b, statements, found)
	}
	if doubt != nil {
		return fmt.Errorf("read them back: %w", doubt)
	}
	unique := false
	doubt = w.lookAgain(ctx, func() (err error) {
		unique, err = w.askUniqueIDs(ctx)
		return err
	})
	for _, i := range statements {
		st := b.statements[i]
		switch p := found[i]; {
		case p == same, p == other && st.generated, p == absent && b.changesNothing(i) && !w.mayChangeLater(b, o):
			fates[i] = executed
		case b.verb != inserts && !o.lost && p != uncertain:
			fates[i] = untried
		case b.verb != inserts: // another writer may have changed it since
		case p == other && unique && !st.mayChange:
			fates[i] = conflicting
		case p == absent && unique && !o.lost:
			fates[i] = untried
		}
	}
	if doubt != nil {
		return fmt.Errorf("ask for the kind of the collection: %w", doubt)
	}
	return nil
}

// changesNothing reports whether statement i has no effect if there is no document with its _id. Then
// it does not matter whether it was executed before now.
func (b *batch) changesNothing(i int) bool {
	if b.verb == inserts {
		return false
	}
	upsert, _ := b.document(i).Lookup("upsert").BooleanOK()
	return !upsert
}

// mayChangeLater reports whether the server may execute a lost attempt to send b after later batches
// of the run. A run that is not ordered promises no order.
func (w *worker) mayChangeLater(b *batch, o *outcome) bool {
	return o.lost && b.ordered && !w.supersedes(o)
}

// supersedes reports whether a later batch of the run can supersede the lost attempts of o: they have
// a number, and the run has one session.
func (w *worker) supersedes(o *outcome) bool {
	return o.numbered && !(w.perBatch && w.session.own)
}

// lookLocally looks again for the statements whose documents a read of a majority did not find. It
// does not show documents that only the primary has yet. Those become uncertain.
func (w *worker) lookLocally(ctx context.Context, b *batch, statements []int, found map[int]presence) error {
	missing := slices.DeleteFunc(slices.Clone(statements), func(i int) bool { return found[i] != absent })
	if len(missing) == 0 {
		return nil
	}
	local, err := w.readBack(ctx, b, missing, "local")
	for i, p := range local {
		if p != absent {
			found[i] = uncertain
		}
	}
	return err
}
