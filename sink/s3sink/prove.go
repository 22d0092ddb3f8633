package s3sink

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/s3retry"
)

// successReply is a reply that reports success, and must be proved.
type successReply struct {
	what      string    // the request, for errors
	object    Object    // as described by the reply
	sum       string    // the object's checksum in the reply; "" if it has none
	startedAt time.Time // by the service's clock, not after the object; zero if unknown
	// trusted means that the reply is sufficient if the writer has no right to read.
	trusted bool
}

// prove returns the object of a reply that reports success, if the object is proved to be stored.
// The proof is the checksum in the reply, or the run's own object at the key.
func (j *judge) prove(ctx context.Context, c successReply) (Object, error) {
	if comparable(c.sum, j.sent.sum) {
		j.upload.settled() // the service has completed the upload
		if c.sum == j.sent.sum {
			c.object.Verified = string(j.sent.algorithm.name)
			return c.object, nil
		}
		return Object{}, j.failed("upload", j.sent.wrongSum(c.sum))
	}
	sctx, cancel := j.settleContext(ctx)
	defer cancel()
	v := j.inspect(ctx, sctx, c.object.VersionID)
	if v.withoutOurs() { // some services show an object only after a while
		for range s3retry.Pauses(sctx, 100*time.Millisecond, 200*time.Millisecond) {
			if v = j.inspect(ctx, sctx, c.object.VersionID); !v.withoutOurs() {
				break
			}
		}
	}
	switch v.proof(c) {
	case proved:
		j.upload.settled()
		c.object.VersionID = cmp.Or(c.object.VersionID, v.object.VersionID)
		c.object.Verified = cmp.Or(v.object.Verified, c.object.Verified)
		return c.object, nil
	case disproved:
		j.upload.settled() // this is the object that the reply names
		return Object{}, j.failed("upload", v.mismatch)
	}
	if v.withoutOurs() && j.upload.unfinished() && !j.opts.KeepUpload {
		ended, err := j.upload.abortAsProbe(sctx)
		if err != nil {
			return Object{}, j.unproven(c, v, err)
		}
		j.upload.settled()
		if ended {
			return Object{}, j.failed(c.what, fmt.Errorf("%w: the upload was still unfinished", ErrNotStored))
		}
	}
	if v.predates(c.startedAt) {
		return Object{}, j.failed(c.what, fmt.Errorf("%w: the key has an older object", ErrNotStored))
	}
	return Object{}, j.unproven(c, v, nil)
}

// proof is what a HEAD says about a reply that reports success.
type proof int

const (
	unproved proof = iota
	proved
	disproved // the object that the reply names is damaged
)

// proof compares the HEAD with the reply.
func (v inspection) proof(c successReply) proof {
	switch {
	case v.keyState == keyOurs, v.keyState == keyForbidden && c.trusted:
		return proved
	case v.mismatch != nil && sameETag(v.etag, c.object.ETag):
		return disproved
	}
	return unproved
}

// unproven returns the error of a reply that the state of the key does not confirm. cleanup is the
// error of cleaning up, or nil.
func (j *judge) unproven(c successReply, v inspection, cleanup error) error {
	why := map[keyState]string{
		keyUnknown:   "the HEAD of the object fails",
		keyForbidden: "the right to read the object is missing",
		keyEmpty:     "the key has no object",
		keyOther:     "the key has another object",
		keySameBytes: "the object at the key has no write token: it is another's, or the service keeps no metadata",
		keyDamaged:   "the object at the key is not what was sent",
	}[v.keyState]
	err := fmt.Errorf("%w: the service reports success without a checksum, but %s", ErrOutcomeUnknown, why)
	err = j.upload.pending(j.failed(j.upload.named(c.what), err))
	return ending.Join(ending.Join(err, v.err), cleanup)
}
