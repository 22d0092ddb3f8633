package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// tally is what is known of the batches of a run.
type tally struct {
	mu     sync.Mutex
	result InsertResult
	failed bool // an error was reported; those of other batches are only counted

	listed   []FailedDocument // the first of those that the server refused, as they came
	refusal  error            // the driver's, of the first batch that had any
	class    stream.Class     // the gravest of all refusals
	reported *InsertError     // was returned by a worker, before all was known
}

// settle counts what became of b, and returns an error when the run is to end.
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
	case errors.As(err, &refused) && res != nil && consistent(len(b.docs), refused.WriteErrors, res.InsertedCount, r.opts.Ordered):
		var unknown []int
		if b.again {
			refused, unknown = b.recall(refused, r.opts.Ordered)
		}
		inserted, bytes := t.refuse(b, refused, r.opts.Ordered)
		for _, i := range unknown {
			inserted--
			bytes -= int64(len(b.docs[i]))
		}
		t.result.Unknown += int64(len(unknown))
		if refused.WriteConcernError != nil {
			t.result.Unknown += inserted
			return t.first(r.unknown(b, fmt.Errorf("the write concern was not met: %w", err)))
		}
		t.result.Inserted += inserted
		t.result.Bytes += bytes
		switch {
		case len(unknown) > 0:
			return t.first(r.unknown(b, fmt.Errorf("the batch was sent twice: %w", err)))
		case r.opts.ContinueOnError || len(refused.WriteErrors) == 0:
			return nil
		}
		return t.first(t.report(&r.inserting))
	case err != nil && !b.again && notWritten(err):
		if ctx.Err() != nil {
			return t.first(context.Cause(ctx))
		}
		return t.first(r.fail(mongoerr.Mark(err)))
	}
	t.result.Unknown += n
	switch {
	case ctx.Err() != nil:
		return t.first(context.Cause(ctx))
	case err == nil && res != nil && !res.Acknowledged:
		err = errors.New("the collection's write concern asks for no reply")
	case err == nil && res != nil:
		err = fmt.Errorf("the reply counts %d documents of %d and names no error", res.InsertedCount, n)
	case err == nil:
		err = errors.New("the collection returned neither a result nor an error")
	}
	return t.first(r.unknown(b, err))
}

// unknown is the error of a batch whose outcome is not known. What a server says comes first.
func (r *run) unknown(b *batch, err error) error {
	err = mongoerr.Bound(err)
	var said mongo.CommandError
	if errors.As(err, &said) && said.Code != 0 {
		return r.fail(fmt.Errorf("%w; if that was a second try, %w: %d documents, from number %d on", err, ErrOutcomeUnknown, len(b.docs), b.first))
	}
	return r.fail(fmt.Errorf("%w: %d documents, from number %d on: %w", ErrOutcomeUnknown, len(b.docs), b.first, err))
}

// first returns err when it is the run's first, or nil.
func (t *tally) first(err error) error {
	if t.failed {
		return nil
	}
	t.failed = true
	return err
}

// consistent tells whether a reply with write errors adds up: every error belongs to a document of the batch, and each of the n
// documents is inserted or refused or, in an ordered batch, behind the refused one.
func consistent(n int, failed []mongo.BulkWriteError, inserted int64, ordered bool) bool {
	seen := make(map[int]bool, len(failed))
	for _, f := range failed {
		_, missing := f.Raw.LookupErr("index") // the driver takes a missing one for 0
		if f.Index < 0 || f.Index >= n || seen[f.Index] || f.Raw != nil && missing != nil {
			return false
		}
		seen[f.Index] = true
	}
	if ordered && len(failed) > 0 {
		return len(failed) == 1 && inserted == int64(failed[0].Index)
	}
	return inserted == int64(n-len(failed))
}

// refuse notes the documents of b that the server refused, and returns how many others it inserted, and their bytes.
func (t *tally) refuse(b *batch, refused mongo.BulkWriteException, ordered bool) (inserted, bytes int64) {
	t.result.Batches++
	t.result.Failed += int64(len(refused.WriteErrors))
	if t.refusal == nil && len(refused.WriteErrors) > 0 {
		t.refusal = refused
	}
	tried := len(b.docs)
	inserted, bytes = int64(tried), int64(b.bytes)
	for _, f := range refused.WriteErrors {
		t.class = max(t.class, mongoerr.ClassOfWrite(f.Code))
		if ordered {
			tried = f.Index + 1
		}
		if len(t.listed) < maxListed {
			t.listed = append(t.listed, FailedDocument{
				Index: b.first + int64(f.Index), ID: shownID(b.docs[f.Index]), Code: f.Code, Message: printable.Text(f.Message),
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

// report returns the error of the documents refused so far.
func (t *tally) report(in *inserting) *InsertError {
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

// complete returns the error of the run, when all workers have ended: what batches in flight added to an error that was
// reported before is put into it.
//
// Once documents may be stored, no error says that the run can be repeated, whoever made it: it
// would store them again.
func (t *tally) complete(in *inserting, err error) error {
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
