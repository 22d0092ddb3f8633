package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// tally counts the outcomes of the batches of a run.
type tally struct {
	mu     sync.Mutex
	result InsertResult
	failed bool // an error was returned; the errors of later batches are only counted

	listed       []FailedDocument // the first refused documents, in the order of the replies
	refusal      error            // the driver's error of the first batch with a refused document
	class        stream.Class     // of the most severe refusal
	refusedAlone int              // documents whose command had no other
	reported     *InsertError     // returned by a worker before all outcomes were known
}

// settle counts the outcome of b. It returns an error if the run must end.
func (r *run) settle(ctx context.Context, b *batch, res *mongo.BulkWriteResult, err error) error {
	t := &r.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(b.docs))

	var refused mongo.BulkWriteException
	switch {
	case err == nil && res != nil && res.Acknowledged && res.InsertedCount == n:
		t.result.Batches++
		t.result.Inserted += n
		t.result.Bytes += int64(b.bytes)
		return nil
	case errors.As(err, &refused) && res != nil &&
		b.consistent(refused.WriteErrors, res.InsertedCount):
		var unknown []int
		if b.resent {
			refused, unknown = b.dropDuplicates(refused)
		}
		inserted, bytes := t.refuse(b, refused)
		for _, i := range unknown {
			inserted--
			bytes -= int64(len(b.docs[i]))
		}
		t.result.Unknown += int64(len(unknown))
		if refused.WriteConcernError != nil {
			t.result.Unknown += inserted
			return t.firstError(r.unknown(b, fmt.Errorf("the write concern was not met: %w", err)))
		}
		t.result.Inserted += inserted
		t.result.Bytes += bytes
		switch {
		case len(unknown) > 0:
			return t.firstError(r.unknown(b, fmt.Errorf("the batch was sent twice: %w", err)))
		case r.opts.ContinueOnError || len(refused.WriteErrors) == 0:
			return nil
		}
		return t.firstError(t.report(&r.insertion))
	case err != nil && !b.resent && notWritten(err):
		if ctx.Err() != nil {
			return t.firstError(context.Cause(ctx))
		}
		return t.firstError(r.fail(mongoerr.Mark(err)))
	}
	t.result.Unknown += n
	switch {
	case ctx.Err() != nil:
		return t.firstError(context.Cause(ctx))
	case err == nil && res != nil && !res.Acknowledged:
		err = errors.New("the collection's write concern asks for no reply")
	case err == nil && res != nil:
		err = fmt.Errorf("the reply counts %d documents of %d and names no error", res.InsertedCount, n)
	case err == nil:
		err = errors.New("the collection returned neither a result nor an error")
	}
	return t.firstError(r.unknown(b, err))
}

// unknown returns the error of a batch with an unknown outcome. The server's message comes first.
func (r *run) unknown(b *batch, err error) error {
	err = mongoerr.Bound(err)
	var said mongo.CommandError
	if errors.As(err, &said) && said.Code != 0 {
		return r.fail(fmt.Errorf("%w; if that was a second try, %w: %d documents, from number %d on",
			err, ErrOutcomeUnknown, len(b.docs), b.first))
	}
	return r.fail(fmt.Errorf("%w: %d documents, from number %d on: %w",
		ErrOutcomeUnknown, len(b.docs), b.first, err))
}

// firstError returns err if the run has no error yet, and nil otherwise.
func (t *tally) firstError(err error) error {
	if t.failed {
		return nil
	}
	t.failed = true
	return err
}

// consistent reports whether a reply with write errors adds up: every error belongs to a different
// document of the batch, and each document was inserted, was refused, or follows the refused one of
// an ordered batch.
func (b *batch) consistent(failed []mongo.BulkWriteError, inserted int64) bool {
	n := len(b.docs)
	seen := make(map[int]bool, len(failed))
	for _, f := range failed {
		_, missing := f.Raw.LookupErr("index") // the driver reads a missing index as 0
		if f.Index < 0 || f.Index >= n || seen[f.Index] || f.Raw != nil && missing != nil {
			return false
		}
		seen[f.Index] = true
	}
	if b.ordered && len(failed) > 0 {
		return len(failed) == 1 && inserted == int64(failed[0].Index)
	}
	return inserted == int64(n-len(failed))
}

// refuse counts the documents of b that the server refused. It returns the number and bytes of the
// inserted ones.
func (t *tally) refuse(b *batch, refused mongo.BulkWriteException) (inserted, bytes int64) {
	t.result.Batches++
	t.result.Failed += int64(len(refused.WriteErrors))
	if t.refusal == nil && len(refused.WriteErrors) > 0 {
		t.refusal = refused
	}
	tried := len(b.docs)
	inserted, bytes = int64(tried), int64(b.bytes)
	for _, f := range refused.WriteErrors {
		t.class = max(t.class, mongoerr.ClassOfWrite(f.Code))
		if b.ordered {
			tried = f.Index + 1
		}
		if len(t.listed) < maxListed {
			t.listed = append(t.listed, FailedDocument{
				Index: b.first + int64(f.Index), ID: bsonwire.ShownID(b.docs[f.Index]),
				Code: f.Code, Message: printable.Text(f.Message),
			})
		}
		inserted--
		bytes -= int64(len(b.docs[f.Index]))
	}
	for _, doc := range b.docs[tried:] {
		inserted--
		bytes -= int64(len(doc))
	}
	return inserted, bytes
}

// report returns the error with the documents refused so far.
func (t *tally) report(in *insertion) *InsertError {
	if t.reported == nil {
		t.reported = &InsertError{namespace: mongoerr.Namespace(in.coll), driver: t.refusal}
	}
	if !t.failed {
		t.fill(t.reported)
	}
	return t.reported
}

func (t *tally) fill(e *InsertError) {
	e.Total = t.result.Failed
	e.class = t.class
	e.Failed = slices.Clone(t.listed)
	slices.SortFunc(e.Failed, func(a, b FailedDocument) int { return int(a.Index - b.Index) })
}

// finalError returns the error of the run after all workers have ended. It adds the refused
// documents of batches that were in flight to an error that was reported before.
//
// Once documents may be stored, no error may have a class that allows a second run.
func (t *tally) finalError(in *insertion, err error) error {
	switch {
	case err == nil && t.result.Failed > 0:
		err = t.report(in)
	case t.reported != nil:
		t.fill(t.reported)
	}
	if t.result.Inserted+t.result.Unknown > 0 && stream.ClassOf(err).Transient() {
		return stream.Mark(err, stream.UnknownOutcome)
	}
	return err
}
