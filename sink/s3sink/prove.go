package s3sink

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/printable"
)

// claim is a reply that reports success.
type claim struct {
	what   string    // the request
	object Object    // as the reply describes it
	sum    string    // the object's CRC64NVME in the reply; "" if it has none
	begun  time.Time // by the service's clock, no later than the object; zero if not known
	// trusted reports that without the right to look the reply is believed.
	trusted bool
}

// prove returns the object that c claims, or an error unless something proves that it is stored: the checksum in the reply, or
// else the run's own object at the key.
func (r *run) prove(ctx context.Context, c claim) (Object, error) {
	if sum := c.sum; sum != "" && !strings.Contains(sum, "-") {
		r.id = "" // the service has put the parts together
		if sum == crcText(r.sum) {
			return c.object, nil
		}
		return Object{}, r.failed("upload", fmt.Errorf("%w: its CRC64NVME is %s, not %s", ErrMismatch, printable.Text(sum), crcText(r.sum)))
	}
	dctx, cancel := r.detached(ctx)
	defer cancel()
	v := r.look(ctx, dctx, c.object.VersionID)
	for wait := 100 * time.Millisecond; v.lacks() && wait <= 200*time.Millisecond && sleep(dctx, wait); wait *= 2 {
		v = r.look(ctx, dctx, c.object.VersionID)
	}
	switch {
	case v.sight == ours, v.sight == hidden && c.trusted:
		r.id = ""
		c.object.VersionID = cmpOr(c.object.VersionID, v.object.VersionID)
		return c.object, nil
	case v.mismatch != nil && sameTag(v.etag, c.object.ETag):
		r.id = "" // it is the very object that the reply names
		return Object{}, r.failed("upload", v.mismatch)
	case v.lacks() && r.id != "":
		ended, err := r.endUpload(dctx)
		if err != nil {
			return Object{}, r.doubt(c, v, err)
		}
		r.id = ""
		if ended {
			return Object{}, r.failed(c.what, fmt.Errorf("%w: the upload was still unfinished", ErrNotStored))
		}
	}
	if v.older(c.begun) {
		return Object{}, r.failed(c.what, fmt.Errorf("%w: the key has an older object", ErrNotStored))
	}
	return Object{}, r.doubt(c, v, nil)
}

// doubt returns the error of a claim that v does not confirm. cleanup, what cleaning up reported, may be nil.
func (r *run) doubt(c claim, v view, cleanup error) error {
	why := map[sight]string{
		unseen:  "the object cannot be looked at",
		hidden:  "the right to look at the object is missing",
		absent:  "the key has no object",
		other:   "the key has another object",
		similar: "the object at the key has no write token: it is another's, or the service keeps no metadata",
		damaged: "what the key has is not what was sent",
	}[v.sight]
	what := c.what
	if r.id != "" {
		what += " " + r.id
	}
	err := r.failed(what, fmt.Errorf("%w: the service reports success without a checksum, but %s", ErrOutcomeUnknown, why))
	return ending.Join(ending.Join(err, v.err), cleanup)
}
