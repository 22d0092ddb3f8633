package s3sink

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
)

// successReply is a reply that reports success, and must be proved.
type successReply struct {
	what      string    // the request, for errors
	object    Object    // as described by the reply
	sum       string    // the object's CRC64NVME in the reply; "" if it has none
	startedAt time.Time // by the service's clock, not after the object; zero if unknown
	// trusted means that the reply is sufficient if the writer has no right to read.
	trusted bool
}

// prove returns the object of a reply that reports success, if the object is proved to be stored.
// The proof is the checksum in the reply, or the run's own object at the key.
func (r *run) prove(ctx context.Context, c successReply) (Object, error) {
	if sum := c.sum; sum != "" && !strings.Contains(sum, "-") {
		r.uploadID = "" // the service has completed the upload
		if sum == s3wire.CRC64NVME(r.sum) {
			return c.object, nil
		}
		err := fmt.Errorf("%w: its CRC64NVME is %s, not %s", ErrMismatch, printable.Text(sum), s3wire.CRC64NVME(r.sum))
		return Object{}, r.failed("upload", err)
	}
	dctx, cancel := r.cleanupContext(ctx)
	defer cancel()
	v := r.inspectKey(ctx, dctx, c.object.VersionID)
	const least, most = 100 * time.Millisecond, 200 * time.Millisecond
	for wait := least; v.withoutOurs() && wait <= most && s3retry.Sleep(dctx, wait); wait *= 2 {
		v = r.inspectKey(ctx, dctx, c.object.VersionID)
	}
	switch {
	case v.keyState == keyOurs, v.keyState == keyForbidden && c.trusted:
		r.uploadID = ""
		c.object.VersionID = cmp.Or(c.object.VersionID, v.object.VersionID)
		return c.object, nil
	case v.mismatch != nil && sameETag(v.etag, c.object.ETag):
		r.uploadID = "" // this is the object that the reply names
		return Object{}, r.failed("upload", v.mismatch)
	case v.withoutOurs() && r.uploadID != "":
		ended, err := r.abortAsProbe(dctx)
		if err != nil {
			return Object{}, r.unproven(c, v, err)
		}
		r.uploadID = ""
		if ended {
			return Object{}, r.failed(c.what, fmt.Errorf("%w: the upload was still unfinished", ErrNotStored))
		}
	}
	if v.predates(c.startedAt) {
		return Object{}, r.failed(c.what, fmt.Errorf("%w: the key has an older object", ErrNotStored))
	}
	return Object{}, r.unproven(c, v, nil)
}

// unproven returns the error of a reply that the state of the key does not confirm. cleanup is the
// error of cleaning up, or nil.
func (r *run) unproven(c successReply, v inspection, cleanup error) error {
	why := map[keyState]string{
		keyUnknown:   "the HEAD of the object fails",
		keyForbidden: "the right to read the object is missing",
		keyEmpty:     "the key has no object",
		keyOther:     "the key has another object",
		keySameBytes: "the object at the key has no write token: it is another's, or the service keeps no metadata",
		keyDamaged:   "the object at the key is not what was sent",
	}[v.keyState]
	what := c.what
	if r.uploadID != "" {
		what += " " + r.uploadID
	}
	err := fmt.Errorf("%w: the service reports success without a checksum, but %s", ErrOutcomeUnknown, why)
	err = r.failed(what, err)
	return ending.Join(ending.Join(err, v.err), cleanup)
}
