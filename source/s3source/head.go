package s3source

import (
	"context"
	"time"
)

// HeadOptions tunes [Head]. The zero value is ready to use.
type HeadOptions struct {
	VersionID string // of a versioned object; "" means the current one
	IfMatch   string // the ETag that the object must have, with quotes; "" means any

	// CustomerKey is the key of an object that was stored with one (SSE-C): 32 bytes. nil means
	// none. It is sent with the request, so the endpoint must be https.
	CustomerKey CustomerKey

	// RetryTimeout is how long the request is repeated after transient failures, after the client's
	// own retries, from its first failure on. 0 means 5 minutes; a negative time means never.
	RetryTimeout time.Duration
	// OnRetry is called before each wait for another request. nil means no call.
	OnRetry func(err error, wait time.Duration)
}

// Head returns what the service says about an object, without its bytes. Verification is what a
// download of the whole object compares. The errors are those of [Download]: [ErrNotFound],
// [ErrCustomerKey], [ErrObjectChanged], [ErrBadReply], or the SDK's, wrapped. If the service rejects
// the HEAD with status 400, a GET of one byte finds the reason. It needs the right s3:GetObject, and
// for a version s3:GetObjectVersion.
func Head(ctx context.Context, client API, bucket, key string, opts *HeadOptions) (Object, error) {
	o := DownloadOptions{}
	if opts != nil {
		o = DownloadOptions{
			VersionID: opts.VersionID, IfMatch: opts.IfMatch, RetryTimeout: opts.RetryTimeout, OnRetry: opts.OnRetry,
			CustomerKey: opts.CustomerKey,
		}
	}
	d, err := newDownload(client, bucket, key, &o)
	if err != nil {
		return Object{}, err
	}
	r := d.newRun()
	r.headOnly = true
	if err := r.look(ctx); err != nil {
		return Object{}, err
	}
	return r.object, nil
}
