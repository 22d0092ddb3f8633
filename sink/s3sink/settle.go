package s3sink

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/s3fault"
)

// settlePut returns how a PutObject ended that returned err after its attempts.
func (r *run) settlePut(ctx context.Context, err error, t *tries) (Object, error) {
	const what = "put"
	unclear, silent := t.unclear(err)
	if !unclear && !s3fault.Broken(err) {
		return Object{}, r.conditional(r.ended(ctx, what, err))
	}
	dctx, cancel := r.detached(ctx)
	defer cancel()
	if !unclear {
		return Object{}, r.brokenOff(ctx, what, err, r.glance(dctx, ""))
	}
	v := r.look(ctx, dctx, "")
	// An attempt without a reply may be carried out yet, whatever was said to those after it; unless the object that is there forbids it.
	forbidden := r.opts.IfAbsent && precondition(err) && v.sight == other
	switch {
	case v.sight == ours:
		return v.object, nil
	case !v.lacks(), silent && !forbidden:
		return Object{}, r.unknown(ctx, what, err, v.err)
	}
	return Object{}, r.conditional(r.ended(ctx, what, err))
}

// brokenOff returns the error of a request that the server broke off before it had it, so that its answer, if it gave one, is lost:
// it says what the server answered when it was asked for the object.
func (r *run) brokenOff(ctx context.Context, what string, err error, v view) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch v.sight {
	case unseen, hidden:
		if s3fault.Status(v.err) == 0 {
			return r.failed(what, err) // no answer to this either
		}
	case absent:
	default:
		if r.opts.IfAbsent {
			return r.failed(what, fmt.Errorf("%w (%w: %w)", ErrExists, ErrBrokenOff, err))
		}
	}
	if v.err != nil { // before err, so that what the server said is found first
		return r.failed(what, fmt.Errorf("%w (%w): %w", ErrBrokenOff, v.err, err))
	}
	return r.failed(what, fmt.Errorf("%w: %w", ErrBrokenOff, err))
}

// settleComplete returns how a CompleteMultipartUpload ended that returned err after its attempts.
func (r *run) settleComplete(ctx context.Context, err error, t *tries) (Object, error) {
	const what = "complete multipart upload"
	unclear, silent := t.unclear(err)
	gone := noSuchUpload(err)
	dctx, cancel := r.detached(ctx)
	defer cancel()
	if !unclear {
		if gone { // aborted by another; or a proxy sent the request twice and brings the second reply
			switch v := r.look(ctx, dctx, ""); {
			case v.sight == ours:
				r.id = ""
				return v.object, nil
			case !v.lacks():
				return Object{}, r.unknown(ctx, what, err, v.err)
			}
		}
		return Object{}, r.withAbort(ctx, r.conditional(r.ended(ctx, what, err)))
	}
	v := r.look(ctx, dctx, "")
	if v.lacks() {
		if !gone {
			ended, aerr := r.endUpload(dctx)
			if aerr != nil {
				return Object{}, r.unknown(ctx, what, err, aerr)
			}
			gone = !ended
			v = r.look(ctx, dctx, "")
		}
		// The upload is gone, and the object may be yet to come.
		for wait := 100 * time.Millisecond; gone && silent && v.lacks() && wait <= 400*time.Millisecond && sleep(dctx, wait); wait *= 2 {
			v = r.look(ctx, dctx, "")
		}
	}
	switch {
	case v.sight == ours:
		r.id = ""
		return v.object, nil
	case !v.lacks(), gone && (silent || v.sight == other):
		return Object{}, r.unknown(ctx, what, err, v.err)
	}
	r.id = ""
	return Object{}, r.conditional(r.ended(ctx, what, err))
}

// conditional returns err with the sentinel of the condition that it says does not hold.
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

// unknown returns the error of an outcome that could not be settled: because of err, and of what looking for it reported.
func (r *run) unknown(ctx context.Context, what string, err, look error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if r.id != "" {
		what += " " + r.id
	}
	return ending.Join(r.failed(what, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)), look)
}

// ifAbsent returns ErrExists if IfAbsent is set and the key has an object. It knows nothing if it cannot look: the condition goes
// with the last request as well.
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
