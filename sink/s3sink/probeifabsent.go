package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// ErrIgnoresIfNoneMatch reports a service that stores an object although the key has one and the
// request says If-None-Match. There, IfAbsent does not keep two writers apart.
var ErrIgnoresIfNoneMatch = stream.Mark(errors.New("the service ignores If-None-Match"), stream.Fatal)

// probeType is the Content-Type of the object of [ProbeIfAbsent], by which it is recognized.
const probeType = "application/x-millweir-probe"

// ProbeIfAbsent finds out whether the service keeps the promise of IfAbsent. It stores a short
// object at key, by a PutObject and by a multipart upload, until the service refuses each because
// the object exists. The object stays: in later calls the service refuses both requests at once, and
// only the multipart upload is begun, and aborted. Run it once for a bucket, such as when a backup is
// set up.
//
//   - key: one that nothing else uses. If a HEAD shows an object that is not a probe, or fails other
//     than by 404 or 403, that is an error. opts are those of the uploads: their encryption, ACL, tags, checksum and timeouts are
//     used. With an encryption there is no PutObject, as in [Upload].
//   - Errors: [ErrIgnoresIfNoneMatch], with the request that ignores it; those of [Upload]; a
//     [*PendingError] if the service refuses as it should, but the probe's upload could not be
//     aborted.
//   - Rights: s3:PutObject, s3:AbortMultipartUpload; s3:GetObject to look at the key first.
func ProbeIfAbsent(ctx context.Context, client API, bucket, key string, opts *UploadOptions) error {
	s, err := newSettings(client, bucket, key, probeOptions(opts))
	if err != nil {
		return err
	}
	p := prober{s}
	if err := p.checkKey(ctx); err != nil {
		return err
	}
	if !s.encrypts() {
		if err := p.probe(ctx, "put", p.put); err != nil {
			return err
		}
	}
	return p.probe(ctx, "complete multipart upload", p.complete)
}

// probeOptions returns the options of a probe for uploads with opts.
func probeOptions(opts *UploadOptions) *UploadOptions {
	o := UploadOptions{}
	if opts != nil {
		o = *opts
	}
	return &UploadOptions{
		IfAbsent: true, ContentType: probeType,
		Tagging: o.Tagging, ACL: o.ACL,
		ServerSideEncryption: o.ServerSideEncryption, SSEKMSKeyID: o.SSEKMSKeyID, CustomerKey: o.CustomerKey,
		Checksum: o.Checksum, SignPayload: o.SignPayload,
		StallTimeout: o.StallTimeout, AbortTimeout: o.AbortTimeout, RetryTimeout: o.RetryTimeout, OnRetry: o.OnRetry,
	}
}

// prober is one [ProbeIfAbsent].
type prober struct{ *settings }

// checkKey returns an error if the key may have an object that is not a probe, unless the client may
// not read it. A service that ignores If-None-Match would replace it.
func (p prober) checkKey(ctx context.Context) error {
	q := newRequests(p.settings)
	out, err := s3retry.Do(ctx, &q.retries, q.named("head"), func() (*s3.HeadObjectOutput, error) {
		return q.head(ctx, "")
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case notFound(err), s3fault.Status(err) == http.StatusForbidden:
		return nil
	case err != nil:
		return q.requestError(ctx, "head", err)
	case !showsObject(out):
		return q.failed("head", errNoETag)
	case aws.ToString(out.ContentType) != probeType:
		return q.failed("probe", fmt.Errorf("%w, and it is not a probe: use another key", ErrExists))
	}
	return nil
}

// probe stores the object twice by the request what. Since the first time may be the one that
// creates the object, only the second must be refused.
func (p prober) probe(ctx context.Context, what string, store func(context.Context) error) error {
	for range 2 {
		err := store(ctx)
		switch {
		case errors.As(err, new(*PendingError)):
			return err
		case errors.Is(err, ErrBrokenOff): // also ErrExists, because the key has the first probe
			return stream.Mark(err, stream.Retryable)
		case errors.Is(err, ErrConflict), precondition(err):
			return nil
		case err != nil:
			return err
		}
	}
	return newRequests(p.settings).failed("probe", fmt.Errorf("%w: %s", ErrIgnoresIfNoneMatch, what))
}

// newProbe returns a run with the bytes of the probe.
func (p prober) newProbe(ctx context.Context) (*run, error) {
	r := newRun(p.settings)
	body := []byte("By this object, millweir finds out if the service refuses to replace it.\n")
	return r, r.cutter.write(ctx, body, nil) // it fits into the first part
}

// put stores the probe by a PutObject.
func (p prober) put(ctx context.Context) error {
	r, err := p.newProbe(ctx)
	if err == nil {
		_, err = r.put(ctx)
	}
	return err
}

// complete stores the probe by a multipart upload.
func (p prober) complete(ctx context.Context) error {
	r, err := p.newProbe(ctx)
	if err != nil {
		return err
	}
	if r.upload, err = r.create(ctx, ctx, r.token); err != nil {
		return err
	}
	if err := r.upload.send(ctx, r.cutter.take()); err != nil {
		return r.upload.withAbort(ctx, err)
	}
	_, err = r.complete(ctx)
	return err
}
