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
func (r *run) settlePut(ctx context.Context, err error, t *attempts) (Object, error) {
	const what = "put"
	maybeApplied, maybeInFlight := t.outcome(err)
	if !maybeApplied && !s3fault.Broken(err) {
		return Object{}, r.conditional(r.requestError(ctx, what, err))
	}
	dctx, cancel := r.cleanupContext(ctx)
	defer cancel()
	if !maybeApplied {
		return Object{}, r.brokenOff(ctx, what, err, r.inspectKeyOnce(dctx, ""))
	}
	v := r.inspectKey(ctx, dctx, "")
	// The service may still execute an attempt without a reply, whatever it answered to later ones,
	// unless the condition and the object at the key forbid it.
	forbidden := r.opts.IfAbsent && precondition(err) && v.keyState == keyOther
	switch {
	case v.keyState == keyOurs:
		return v.object, nil
	case !v.withoutOurs(), maybeInFlight && !forbidden:
		return Object{}, r.unknown(ctx, what, err, v.err)
	}
	return Object{}, r.conditional(r.requestError(ctx, what, err))
}

// brokenOff returns the error of a request during which the server closed the connection, so that
// its reply may be lost. The error wraps the server's reply to a HEAD of the object.
func (r *run) brokenOff(ctx context.Context, what string, err error, v inspection) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch v.keyState {
	case keyUnknown, keyForbidden:
		if s3fault.Status(v.err) == 0 {
			return r.failed(what, err) // no reply to the HEAD either
		}
	case keyEmpty:
	default:
		if r.opts.IfAbsent {
			return r.failed(what, fmt.Errorf("%w (%w: %w)", ErrExists, ErrBrokenOff, err))
		}
	}
	if v.err != nil { // v.err first, so that errors.As finds the server's reply
		return r.failed(what, fmt.Errorf("%w (%w): %w", ErrBrokenOff, v.err, err))
	}
	return r.failed(what, fmt.Errorf("%w: %w", ErrBrokenOff, err))
}

// settleComplete returns the outcome of a CompleteMultipartUpload that failed with err after its
// attempts.
func (r *run) settleComplete(ctx context.Context, err error, t *attempts) (Object, error) {
	const what = "complete multipart upload"
	maybeApplied, maybeInFlight := t.outcome(err)
	noUpload := noSuchUpload(err)
	dctx, cancel := r.cleanupContext(ctx)
	defer cancel()
	if !maybeApplied {
		if noUpload { // aborted by another client, or a proxy repeated the request and returns the second reply
			switch v := r.inspectKey(ctx, dctx, ""); {
			case v.keyState == keyOurs:
				r.uploadID = ""
				return v.object, nil
			case !v.withoutOurs():
				return Object{}, r.unknown(ctx, what, err, v.err)
			}
		}
		return Object{}, r.withAbort(ctx, r.conditional(r.requestError(ctx, what, err)))
	}
	v := r.inspectKey(ctx, dctx, "")
	if v.withoutOurs() {
		if !noUpload {
			ended, aerr := r.abortAsProbe(dctx)
			if aerr != nil {
				return Object{}, r.unknown(ctx, what, err, aerr)
			}
			noUpload = !ended
			v = r.inspectKey(ctx, dctx, "")
		}
		// The upload has ended, and the object may appear later.
		const least, most = 100 * time.Millisecond, 400 * time.Millisecond
		mayAppear := noUpload && maybeInFlight
		for wait := least; mayAppear && v.withoutOurs() && wait <= most && s3retry.Sleep(dctx, wait); wait *= 2 {
			v = r.inspectKey(ctx, dctx, "")
		}
	}
	switch {
	case v.keyState == keyOurs:
		r.uploadID = ""
		return v.object, nil
	case !v.withoutOurs(), noUpload && (maybeInFlight || v.keyState == keyOther):
		return Object{}, r.unknown(ctx, what, err, v.err)
	}
	r.uploadID = ""
	return Object{}, r.conditional(r.requestError(ctx, what, err))
}

// conditional adds ErrExists or ErrConflict to err if the service rejected the condition of
// IfAbsent.
func (r *run) conditional(err error) error {
	switch {
	case !r.opts.IfAbsent:
	case precondition(err):
		return fmt.Errorf("%w (%w)", err, ErrExists)
	case s3fault.Code(err) == "ConditionalRequestConflict":
		return fmt.Errorf("%w (%w)", err, ErrConflict)
	}
	return err
}

// unknown returns the error of an outcome that could not be settled. err is the error of the
// request, look the error of the HEAD or of the abort.
func (r *run) unknown(ctx context.Context, what string, err, look error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if r.uploadID != "" {
		what += " " + r.uploadID
	}
	return ending.Join(r.failed(what, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)), look)
}

// ifAbsent returns ErrExists if IfAbsent is set and the key has an object. It ignores a failed
// HEAD, because the last request carries the condition as well.
func (r *run) ifAbsent(ctx context.Context) error {
	if !r.opts.IfAbsent {
		return nil
	}
	if _, err := r.head(ctx, ""); err == nil {
		return r.failed("upload", ErrExists)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
