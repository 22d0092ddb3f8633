package s3sink

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag of a plain object is its MD5
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
)

// inspection is the result of a HEAD of the key.
type inspection struct {
	keyState
	object   Object    // the run's result, if the state is keyOurs
	etag     string    // of the object at the key
	modified time.Time // of the object at the key; zero if unknown
	mismatch error     // how the object differs from the sent one; nil if it does not
	err      error     // why the HEAD failed, for keyUnknown and keyForbidden
}

// inspectKey sends a HEAD of the key, or of one version of it. It repeats the HEAD while the
// service is busy or does not answer, until dctx ends. If ctx, the context of the run, has ended,
// it sends the HEAD only once.
func (r *run) inspectKey(ctx, dctx context.Context, version string) inspection {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		v := r.inspectKeyOnce(dctx, version)
		if v.keyState == keyForbidden && version != "" { // reading a version needs a separate right
			if current := r.inspectKeyOnce(dctx, ""); current.keyState == keyOurs {
				return current
			}
		}
		if v.keyState != keyUnknown || !s3fault.Class(v.err).Transient() || ctx.Err() != nil || dctx.Err() != nil {
			return v
		}
		r.callbacks.retry(v.err, wait)
		if !s3retry.Sleep(dctx, wait) {
			return v
		}
	}
}

// inspectKeyOnce sends one HEAD.
func (r *run) inspectKeyOnce(ctx context.Context, version string) inspection {
	out, err := r.head(ctx, version)
	switch {
	case err != nil && notFound(err):
		return inspection{keyState: keyEmpty}
	case err != nil && s3fault.Status(err) == http.StatusForbidden:
		return inspection{keyState: keyForbidden, err: r.failed("head", err)}
	case err != nil:
		return inspection{keyState: keyUnknown, err: r.failed("head", err)}
	}
	v := inspection{etag: aws.ToString(out.ETag), modified: aws.ToTime(out.LastModified)}
	if v.keyState, v.mismatch = r.expectedObject().compare(out); v.keyState == keyOurs {
		v.object = r.object(out.ETag, out.VersionId)
	}
	return v
}

// head sends a HEAD of a version of the object, or of the current one for "".
func (r *run) head(ctx context.Context, version string) (*s3.HeadObjectOutput, error) {
	in := &s3.HeadObjectInput{Bucket: &r.bucket, Key: &r.key, VersionId: s3wire.NonEmpty(version)}
	if r.hasChecksum() {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	t := r.newAttempts("head", r.requestTimeout(0))
	out, err := r.client.HeadObject(ctx, in, t.options)
	return out, s3fault.Mark(err)
}

// expectedObject returns what the HEAD of this run's object must show.
func (r *run) expectedObject() expected {
	return expected{token: r.writeToken, size: r.total, sum: s3wire.CRC64NVME(r.sum), etag: r.etag()}
}

// etag returns the ETag of the object if the service computes it from MD5. Services do, except a
// few and with encryption by KMS or a customer's key.
func (r *run) etag() string {
	if r.partCount == 0 {
		sum := md5.Sum(r.buf) //nolint:gosec // see the import
		return `"` + hex.EncodeToString(sum[:]) + `"`
	}
	return etagOfParts(r.parts.completed)
}

// maxClockSkew is how much the clocks of a service's machines may differ: as much as S3 allows a
// client in a signature.
const maxClockSkew = 15 * time.Minute

// predates reports whether the object at the key was stored before begun, when the service answered
// a request of the run, both by the service's clock. S3 dates a multipart object to the beginning
// of its upload. Such an object may have been completed later, so its date proves nothing.
func (v inspection) predates(begun time.Time) bool {
	return v.keyState == keyOther && !begun.IsZero() && !v.modified.IsZero() && !strings.Contains(v.etag, "-") &&
		v.modified.Before(begun.Add(-maxClockSkew))
}
