package s3sink

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
)

// judge finds out whether the sent object is stored. It compares replies and the object at the key
// with what was sent.
type judge struct {
	*requests
	sent   sent
	upload *multipart // nil for a PutObject
}

// judge returns the judge of the last request of the run.
func (r *run) judge() *judge {
	return &judge{requests: r.requests, sent: r.sent(), upload: r.upload}
}

// inspection is the result of a HEAD of the key.
type inspection struct {
	keyState
	object   Object    // the run's result, if the state is keyOurs
	proven   bool      // the object has the sent bytes, by its checksum or ETag
	etag     string    // of the object at the key
	modified time.Time // of the object at the key; zero if unknown
	answered time.Time // by the service's clock; zero if it did not say
	mismatch error     // how the object differs from the sent one; nil if it does not
	err      error     // why the HEAD failed, for keyUnknown and keyForbidden
}

// inspect sends a HEAD of the key, or of one version of it. It repeats the HEAD while the service
// is busy or does not answer, until sctx, of settleContext, ends. If ctx, the context of the run,
// has ended, it sends the HEAD only once.
func (j *judge) inspect(ctx, sctx context.Context, version string) inspection {
	for loop, refusals := j.settling.Loop(), 0; ; {
		v := j.inspectOnce(sctx, version)
		if v.keyState == keyForbidden && version != "" { // reading a version needs a separate right
			if current := j.inspectOnce(sctx, ""); current.keyState == keyOurs {
				return current
			}
		}
		if v.keyState != keyUnknown || ctx.Err() != nil {
			return v
		}
		wait, again := loop.Next(v.err)
		if vague(v.err) {
			if refusals++; refusals <= maxVagueRefusals {
				wait, again = loop.Again()
			}
		}
		if !again {
			return v
		}
		j.callbacks.retry(v.err, wait)
		if !s3retry.Sleep(sctx, wait) {
			return v
		}
	}
}

// maxVagueRefusals is how often a HEAD is repeated after a vague refusal.
const maxVagueRefusals = 3

// vague reports whether err may be a refusal that passes. The reply to a HEAD has no body, and so no
// error code: a 400 may be credentials that have expired or a request that was too slow, and a 409
// another request at work.
func vague(err error) bool {
	status := s3fault.Status(err)
	return status == http.StatusBadRequest || status == http.StatusConflict
}

// inspectOnce sends one HEAD.
func (j *judge) inspectOnce(ctx context.Context, version string) inspection {
	out, err := j.head(ctx, version)
	switch {
	case err != nil && notFound(err):
		return inspection{keyState: keyEmpty}
	case err != nil && s3fault.Status(err) == http.StatusForbidden:
		return inspection{keyState: keyForbidden, err: j.failed("head", err)}
	case err != nil:
		return inspection{keyState: keyUnknown, err: j.failed("head", err)}
	}
	v := inspection{etag: aws.ToString(out.ETag), modified: aws.ToTime(out.LastModified)}
	v.answered, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	v.proven = j.sent.sameBytes(out)
	if v.keyState, v.mismatch = j.sent.compare(out); v.keyState == keyOurs {
		v.object = j.sent.object(out.ETag, out.VersionId)
	}
	return v
}

// head sends a HEAD of a version of the object, or of the current one for "".
func (q *requests) head(ctx context.Context, version string) (*s3.HeadObjectOutput, error) {
	in := &s3.HeadObjectInput{Bucket: &q.bucket, Key: &q.key, VersionId: s3wire.NonEmpty(version)}
	if q.algorithm().sent() {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	t := q.newAttempts("head", q.requestTimeout(0))
	out, err := q.client.HeadObject(ctx, in, t.options)
	if status := s3fault.Status(err); in.ChecksumMode != "" &&
		(status == http.StatusBadRequest || status == http.StatusNotImplemented) {
		// Some services refuse to be asked for checksums. The reply to a HEAD cannot say so.
		in.ChecksumMode = ""
		out, err = q.client.HeadObject(ctx, in, t.options)
	}
	if t.customerKey.IsSet() && s3fault.Status(err) == http.StatusBadRequest {
		t.customerKey = s3key.Key{} // another writer's object may have no key
		out, err = q.client.HeadObject(ctx, in, t.options)
	}
	return out, s3fault.Mark(err)
}

// showsObject reports whether the reply to a HEAD is that of an object. A proxy answers 200 too, as
// the login page of a network does.
func showsObject(out *s3.HeadObjectOutput) bool { return isName(out.ETag) && out.LastModified != nil }

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
