package s3sink

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag of a plain object is its MD5
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
)

// view is what a look at the key brought.
type view struct {
	sight
	object   Object    // the run's result, if it is ours
	etag     string    // of what is there
	modified time.Time // what is there; zero if not known
	mismatch error     // how it contradicts what was sent
	err      error     // why it is unseen or hidden
}

// look asks what is stored under the key, or under one version of it. While the service is busy or gone it asks again until
// dctx ends, but only once if ctx, the run's, has ended.
func (r *run) look(ctx, dctx context.Context, version string) view {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		v := r.glance(dctx, version)
		if v.sight == hidden && version != "" { // to read a version is a right of its own
			if current := r.glance(dctx, ""); current.sight == ours {
				return current
			}
		}
		if v.sight != unseen || !s3fault.Class(v.err).Transient() || ctx.Err() != nil || dctx.Err() != nil {
			return v
		}
		r.hooks.retry(v.err, wait)
		if !sleep(dctx, wait) {
			return v
		}
	}
}

// glance is one look.
func (r *run) glance(ctx context.Context, version string) view {
	out, err := r.head(ctx, version)
	switch {
	case err != nil && notFound(err):
		return view{sight: absent}
	case err != nil && s3fault.Status(err) == http.StatusForbidden:
		return view{sight: hidden, err: r.failed("head", err)}
	case err != nil:
		return view{sight: unseen, err: r.failed("head", err)}
	}
	v := view{etag: aws.ToString(out.ETag), modified: aws.ToTime(out.LastModified)}
	if v.sight, v.mismatch = r.sentObject().judge(out); v.sight == ours {
		v.object = r.object(out.ETag, out.VersionId)
	}
	return v
}

// head asks for a version of the object, or with "" for the current one.
func (r *run) head(ctx context.Context, version string) (*s3.HeadObjectOutput, error) {
	in := &s3.HeadObjectInput{Bucket: &r.bucket, Key: &r.key, VersionId: str(version)}
	if r.checked() {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	t := r.tries("head", r.requestTimeout(0))
	out, err := r.client.HeadObject(ctx, in, t.options)
	return out, s3fault.Mark(err)
}

// sentObject is what the object of this run must have.
func (r *run) sentObject() sent {
	return sent{token: r.token, size: r.total, sum: crcText(r.sum), etag: r.etag()}
}

// etag returns the ETag of the object if the service computes it from MD5, as it does unless it encrypts with KMS or a
// customer's key, or is an unusual one.
func (r *run) etag() string {
	if r.sent == 0 {
		sum := md5.Sum(r.buf) //nolint:gosec // see the import
		return `"` + hex.EncodeToString(sum[:]) + `"`
	}
	h := md5.New() //nolint:gosec // see the import
	for _, p := range r.done {
		b, err := hex.DecodeString(strings.Trim(aws.ToString(p.ETag), `"`))
		if err != nil || len(b) != md5.Size {
			return ""
		}
		h.Write(b)
	}
	return fmt.Sprintf(`"%x-%d"`, h.Sum(nil), len(r.done))
}

// skew is how far the clocks of a service's machines may be apart: as much as S3 forgives a client in a signature.
const skew = 15 * time.Minute

// older reports whether what is there was stored before the run's request that the service answered at begun, by its own clock.
// S3 dates a multipart object to the beginning of its upload: it may have been completed later, so its date proves nothing.
func (v view) older(begun time.Time) bool {
	return v.sight == other && !begun.IsZero() && !v.modified.IsZero() && !strings.Contains(v.etag, "-") &&
		v.modified.Before(begun.Add(-skew))
}
