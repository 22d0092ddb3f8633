package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/s3retry"
)

// run is the state of one read of an object.
type run struct {
	*download
	newChunk          func(n int64) []byte
	pos               int64     // offset of the next byte to emit
	end               int64     // offset at which the run ends; -1 if unknown
	total             int64     // the length of the whole object that every Content-Range must have; -1 if unknown
	lengthConfirmed   bool      // end comes from more than the length of a body, which a proxy may have shortened
	etag              string    // of the replies, or required of the first one; "" if unknown
	gotReply          bool      // there was a reply
	nameless          bool      // the first reply has no ETag
	lastUnnamed       bool      // the last reply has no ETag
	withoutMode       bool      // the service rejects requests for a checksum
	askedForChecksums bool      // object has the checksums that the service has
	bodyEnded         bool      // the last reply is complete, and only the proof remains
	object            Object    // as the first reply describes it
	described         bool      // object is set
	begun             bool      // OnObject was called
	headOnly          bool      // no bytes are read
	verifier          *verifier // of the emitted bytes; nil if only their length is checked
	down              error     // returned by emit or OnObject
	policy            *s3retry.Policy
	loop              *s3retry.Loop // replies in a row with at most minProgress bytes
	badReplies        int           // in a row
	minProgress       int64         // bytes at MinRate in the pause before the last request
	pace              pace
	received          *atomic.Int64 // bytes that all requests of the download have received
}

// wholeObject reports whether the run reads all of the object.
func (r *run) wholeObject() bool { return r.opts.Offset == 0 && r.opts.Length == 0 }

// fatal is an error that another request does not fix.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// pausing is an error of an attempt that another one must follow, after a wait.
type pausing struct {
	error
	wait time.Duration
}

func (p pausing) Unwrap() error { return p.error }

// each sends one request after another until all bytes are read or another request does not help.
func (r *run) each(ctx context.Context, emit func([]byte) error) error {
	for {
		from := r.pos
		err := r.attempt(ctx, emit)
		if err == nil {
			return nil
		}
		if r.pos-from > r.minProgress { // with a byte per request the run would never end
			r.progress()
		}
		if err := r.again(ctx, err); err != nil {
			return err
		}
	}
}

// progress ends a row of failures: the next request has all retries.
func (r *run) progress() {
	r.badReplies = 0
	r.loop.Progress()
}

// attempt sends one request, unless all bytes have come, and checks the end.
func (r *run) attempt(ctx context.Context, emit func([]byte) error) error {
	for !r.bodyEnded {
		if err := r.reply(ctx, emit); err != nil {
			return err
		}
		r.bodyEnded = !r.betweenParts()
	}
	return r.finish(ctx)
}

// again waits before another request after a failed one. If another request does not help, it
// returns the error of the run.
func (r *run) again(ctx context.Context, err error) error {
	var f fatal
	switch {
	case r.down != nil:
		return r.down
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &f):
		return r.failed(f.error)
	}
	wait, ok := r.pause(err)
	if !ok {
		return r.failed(err)
	}
	r.minProgress = bytesIn(r.opts.MinRate, wait)
	if r.opts.OnRetry != nil {
		r.opts.OnRetry(r.failed(err), wait)
	}
	if !s3retry.Sleep(ctx, wait) {
		return context.Cause(ctx)
	}
	return nil
}

// pause returns how long to wait before another request after err. ok is false if the run fails.
func (r *run) pause(err error) (wait time.Duration, ok bool) {
	var p pausing
	switch {
	case errors.As(err, &p):
		return p.wait, true
	case r.pace.missed > 0 && errors.Is(err, errTooSlow):
		// The time of the consumer does not count, so windows are counted and not the time.
		wait, _ = r.policy.Loop().Again()
		return wait, time.Duration(r.pace.missed-1)*r.opts.StallTimeout < r.opts.RetryTimeout
	case errors.Is(err, ErrBadReply):
		if r.badReplies++; r.badReplies > maxBadReplies {
			return 0, false
		}
	}
	return r.loop.Again()
}

// maxBadReplies is the number of replies in a row that do not answer the request and are asked for
// again. An outage passes; a wrong server does not.
const maxBadReplies = 5

// emit verifies a chunk and passes it on. An error of the verifier is fatal: the position is already
// after the chunk, so another request would leave it out.
func (r *run) emit(p []byte, emit func([]byte) error) error {
	if r.verifier != nil {
		if err := r.verifier.write(p); err != nil {
			return fatal{err}
		}
	}
	r.down = emit(p)
	return r.down
}

// failed adds the package, the object and the position to err.
func (r *run) failed(err error) error {
	if r.pos == 0 || r.pos == r.opts.Offset && !r.gotReply {
		return fmt.Errorf("s3source: get %s/%s: %w", r.bucket, r.key, err)
	}
	return fmt.Errorf("s3source: get %s/%s from byte %d: %w", r.bucket, r.key, r.pos, err)
}

// conclude checks the end of a run whose bytes came by other runs.
func (r *run) conclude(ctx context.Context) error {
	err := r.finish(ctx)
	var f fatal
	if errors.As(err, &f) {
		return r.failed(f.error)
	}
	return err
}

// rangeRun returns a run for a part of the object: its bytes from first to end, which are only
// counted.
func (r *run) rangeRun(first, end int64) *run {
	d := *r.download
	d.opts.Offset, d.opts.Length, d.opts.IfMatch = first, end-first, r.etag
	d.opts.Verify = VerifyLength
	part := d.newRun()
	part.policy, part.loop = r.policy, r.policy.Loop()
	part.gotReply, part.described, part.begun, part.total = true, true, true, r.object.Size
	part.received = r.received
	return part
}

// finish checks that all bytes were emitted, and that they are right. Its error is not fatal if
// there is more to read.
func (r *run) finish(ctx context.Context) error {
	if r.verifier != nil && r.verifier.got() == r.verifier.want {
		return nil
	}
	if !r.lengthConfirmed {
		if err := r.confirmLength(ctx); err != nil {
			return err
		}
	}
	switch {
	case r.pos < r.end:
		r.bodyEnded = false
		return fmt.Errorf("the reply ends before byte %d: %w", r.end, brokenOff(io.ErrUnexpectedEOF))
	case r.pos > r.end:
		return fatal{fmt.Errorf("%w: %d bytes came of an object of %d", ErrBadReply, r.pos, r.end)}
	case r.verifier != nil:
		return fatal{r.verifier.mismatch()}
	}
	return nil
}
