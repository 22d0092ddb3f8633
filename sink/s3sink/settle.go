package s3sink

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
)

// settlePut returns the outcome of a PutObject that failed with err after its attempts.
func (j *judge) settlePut(ctx context.Context, err error, t *attempts) (Object, error) {
	maybeApplied, maybeInFlight := t.outcome(err)
	if !maybeApplied && !s3fault.Broken(err) {
		return Object{}, j.conditional(j.requestError(ctx, t.what, err))
	}
	sctx, cancel := j.settleContext(ctx)
	defer cancel()
	if !maybeApplied {
		return Object{}, j.brokenOff(ctx, t.what, err, j.inspectOnce(sctx, ""))
	}
	v := j.inspect(ctx, sctx, "")
	facts := putFacts{
		key: v.keyState, maybeInFlight: maybeInFlight, conditionRefused: j.opts.IfAbsent && precondition(err),
		older: !v.answered.IsZero() && v.predates(v.answered.Add(-time.Since(t.startedAt))),
	}
	switch facts.verdict() {
	case objectStored:
		return v.object, nil
	case notStored:
		return Object{}, j.conditional(j.requestError(ctx, t.what, err))
	}
	return Object{}, j.unknown(ctx, t.what, err, v.err)
}

// brokenOff returns the error of a request during which the server closed the connection, so that
// its reply may be lost. The error wraps the server's reply to a HEAD of the object.
func (j *judge) brokenOff(ctx context.Context, what string, err error, v inspection) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch v.keyState {
	case keyUnknown, keyForbidden:
		if s3fault.Status(v.err) == 0 {
			return j.failed(what, err) // no reply to the HEAD either
		}
	case keyEmpty:
	default:
		if j.opts.IfAbsent {
			return j.failed(what, fmt.Errorf("%w (%w: %w)", ErrExists, ErrBrokenOff, err))
		}
	}
	if v.err != nil { // v.err first, so that errors.As finds the server's reply
		return j.failed(what, fmt.Errorf("%w (%w): %w", ErrBrokenOff, v.err, err))
	}
	return j.failed(what, fmt.Errorf("%w: %w", ErrBrokenOff, err))
}

// settleComplete returns the outcome of a CompleteMultipartUpload that failed with err after its
// attempts.
func (j *judge) settleComplete(ctx context.Context, err error, t *attempts) (Object, error) {
	facts := completeFacts{gone: noSuchUpload(err)}
	facts.maybeApplied, facts.maybeInFlight = t.outcome(err)
	if !facts.maybeApplied && !facts.gone {
		return Object{}, j.upload.withAbort(ctx, j.conditional(j.requestError(ctx, t.what, err)))
	}
	sctx, cancel := j.settleContext(ctx)
	defer cancel()
	v := j.inspect(ctx, sctx, "")
	look := v.err
	if v.keyState != keyOurs && v.keyState != keyDamaged {
		if j.opts.KeepUpload { // an abort would be the proof
			return Object{}, j.unknown(ctx, t.what, err, v.err)
		}
		ended, aerr := j.upload.abortAsProbe(sctx)
		if aerr != nil && !facts.gone {
			return Object{}, j.unknown(ctx, t.what, err, aerr)
		}
		facts.aborted, facts.gone = ended, !ended
		v = j.awaitObject(ctx, sctx, facts, v)
	}
	facts.key = v.keyState
	if v.keyState == keyOurs && j.opts.Resume != nil && !v.proven { // the token is also that of the first run
		return Object{}, j.unknown(ctx, t.what, err, errNotCompared)
	}
	switch facts.verdict() {
	case objectStored:
		j.upload.settled()
		return v.object, nil
	case notStored:
		j.upload.settled()
		return Object{}, j.conditional(j.requestError(ctx, t.what, err))
	}
	return Object{}, j.unknown(ctx, t.what, err, ending.Join(v.err, look))
}

// awaitObject inspects the key once more after the upload has ended. If an attempt may have
// completed it, the object may appear later. v is the inspection before the upload ended.
func (j *judge) awaitObject(ctx, sctx context.Context, f completeFacts, v inspection) inspection {
	if f.aborted || !v.withoutOurs() {
		return v
	}
	v = j.inspect(ctx, sctx, "")
	if !f.maybeInFlight || !v.withoutOurs() {
		return v
	}
	for range s3retry.Pauses(sctx, 100*time.Millisecond, 400*time.Millisecond) {
		if v = j.inspect(ctx, sctx, ""); !v.withoutOurs() {
			break
		}
	}
	return v
}

// conditional adds ErrExists or ErrConflict to err if the service rejected the condition of
// IfAbsent.
func (s *settings) conditional(err error) error {
	switch {
	case !s.opts.IfAbsent:
	case precondition(err):
		return fmt.Errorf("%w (%w)", err, ErrExists)
	case s3fault.Code(err) == conditionalConflict:
		return fmt.Errorf("%w (%w)", err, ErrConflict)
	}
	return err
}

// unknown returns the error of an outcome that could not be settled. err is the error of the
// request, look the error of the HEAD or of the abort.
func (j *judge) unknown(ctx context.Context, what string, err, look error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	err = j.failed(j.upload.named(what), fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
	return ending.Join(j.upload.pending(err), look)
}
