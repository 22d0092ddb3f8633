package mongosink

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// tally counts the outcomes of the batches of a run.
type tally struct {
	mu     sync.Mutex
	result WriteResult
	failed bool // an error was returned; the errors of later batches are only counted
	ownIDs bool // a document with an _id of the sink is stored, or may be

	notIdempotent bool // a write was executed, or may be, that must not be executed twice

	listed       []FailedDocument // the first refused documents, in the order of the replies
	refusal      error            // the driver's error of the first batch with a refused document
	class        stream.Class     // of the most severe refusal
	refusedAlone int              // documents whose command had no other
	letters      int64            // documents that went to the caller's function
	letterErr    error            // the first error of that function, or of its limit
	reported     *InsertError     // returned by a worker before all outcomes were known
}

// all counts a batch that was executed as a whole.
func (t *tally) all(b *batch, r *reply) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Batches++
	t.documents(b, r)
	if b.verb == inserts {
		t.result.Bytes += int64(b.bytes)
		t.ownIDs = t.ownIDs || slices.ContainsFunc(b.statements, func(st statement) bool { return st.generated })
	}
}

// tell passes the counts so far to progress, which may be nil.
func (t *tally) tell(progress func(InsertResult)) {
	if progress == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	progress(insertResult(t.result))
}

// documents counts the documents that a reply counts.
func (t *tally) documents(b *batch, r *reply) {
	t.notIdempotent = t.notIdempotent || r.n > 0 && !b.idempotent()
	if !b.verb.ofMany() {
		t.result.Unmatched += r.executed(b) - r.n
	}
	switch b.verb {
	case inserts:
		t.result.Inserted += r.n
	case deletes, deletesOfMany:
		t.result.Deleted += r.n
	default:
		t.result.Matched += r.n - int64(len(r.upserted))
		t.result.Modified += r.modified
		t.result.Upserted += int64(len(r.upserted))
	}
}

// count counts the fates of b's statements. r is nil if there is no reply.
//
// The caller must end the run with the error, which comes from the caller's function.
func (w *worker) count(ctx context.Context, b *batch, r *reply, fates []fate) error {
	t := &w.tally
	var refused []writeError
	if r != nil {
		t.result.Batches++
		refused = r.refused
		if t.refusal == nil && slices.ContainsFunc(fates, isRefused) {
			t.refusal = r.exception()
		}
	}
	if b.verb != inserts && r != nil && r.concern == nil {
		t.documents(b, r)
	}
	for i, f := range fates {
		switch f {
		case executed:
			t.executed(b, i, r)
		case alreadyThere:
			t.result.AlreadyThere++
		case undecided:
			t.result.Unknown++
			t.notIdempotent = t.notIdempotent || !b.idempotent()
			t.ownIDs = t.ownIDs || b.statements[i].generated
		case failed, conflicting:
			w.refuse(ctx, b, i, f, refused)
		}
	}
	return t.letterErr
}

// executed counts a statement that is known as executed. Of other verbs than inserts, the reply may
// have counted it.
func (t *tally) executed(b *batch, i int, r *reply) {
	st := b.statements[i]
	switch {
	case b.verb == inserts:
		t.result.Inserted++
		t.result.Bytes += int64(st.bytes)
		t.ownIDs = t.ownIDs || st.generated
	case !r.counts(b, i):
		t.result.Settled++
	}
}

// refuse counts a statement that the server refused. It lists it, or passes it to the caller's
// function.
func (w *worker) refuse(ctx context.Context, b *batch, i int, f fate, refused []writeError) {
	e := writeError{statement: i, code: duplicateKey, message: ErrConflict.Error()}
	for _, said := range refused {
		if said.statement == i {
			e = said
		}
	}
	document := FailedDocument{
		Index: b.statements[i].index, ID: b.shownID(i), Code: e.code,
		Message: printable.Text(e.message), Conflict: f == conflicting,
	}
	class := mongoerr.ClassOfWrite(e.code)
	t := &w.tally
	t.result.Failed++
	switch {
	case w.box == nil || class != stream.Data || t.letterErr != nil:
	default:
		taken, err := w.box.put(ctx, RefusedDocument{document, bytes.Clone(b.document(i))})
		if taken {
			t.letters++
			t.letterErr = err
			return
		}
	}
	t.class = max(t.class, class)
	if len(t.listed) < maxListed {
		t.listed = append(t.listed, document)
	}
}

// refusalsEnd reports whether the run ends because of refused statements.
func (w *worker) refusalsEnd() bool {
	return !w.continues || w.box != nil && w.tally.result.Failed > w.tally.letters
}

func isRefused(f fate) bool { return f == failed || f == conflicting }

// number returns how many of fates are f.
func number(fates []fate, f fate) (n int) {
	for _, g := range fates {
		if f == g {
			n++
		}
	}
	return n
}

// firstError returns err if the run has no error yet, and nil otherwise.
func (t *tally) firstError(err error) error {
	if t.failed {
		return nil
	}
	t.failed = true
	return err
}

// first is firstError for a caller that does not hold the lock.
func (t *tally) first(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.firstError(err)
}

// report returns the error with the documents refused so far.
func (t *tally) report(w *writing) *InsertError {
	if t.reported == nil {
		t.reported = &InsertError{name: w.name, namespace: w.namespace, driver: t.refusal}
	}
	if !t.failed {
		t.fill(t.reported)
	}
	return t.reported
}

func (t *tally) fill(e *InsertError) {
	e.Total = t.result.Failed - t.letters
	e.class = t.class
	e.Failed = slices.Clone(t.listed)
	slices.SortFunc(e.Failed, func(a, b FailedDocument) int { return int(a.Index - b.Index) })
}

// finalError returns the error of the run after all workers have ended. It adds the refused
// documents of batches that were in flight to an error that was reported before.
func (t *tally) finalError(w *writing, err error) error {
	switch {
	case err == nil && t.result.Failed > t.letters:
		err = t.report(w)
	case t.reported != nil:
		t.fill(t.reported)
	}
	return err
}

// repeatable reports whether a second run with the same input stores no document twice. idsUnique
// reports whether the collection has a unique index on _id.
func (t *tally) repeatable(idsUnique func() bool) bool {
	return t.result.Unknown == 0 && !t.notIdempotent && (t.result.changed() == 0 || !t.ownIDs && idsUnique())
}

// repetition says whether the writes of a run may be executed again.
type repetition int

const (
	harmless    repetition = iota // nothing was executed
	byID                          // if the collection has a unique index on _id
	never                         // a document would be stored twice, or changed twice
	repetitions                   // their number
)

// repetition returns whether what was executed, or may be, may be executed again.
func (t *tally) repetition() repetition {
	switch {
	case t.notIdempotent || t.ownIDs:
		return never
	case t.result.changed()+t.result.Unknown > 0:
		return byID
	}
	return harmless
}
