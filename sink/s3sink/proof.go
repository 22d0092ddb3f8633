package s3sink

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag of a plain object is its MD5
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/ending"
)

// finding is what a look at the key tells.
type finding int

const (
	blind  finding = iota // nothing: the object cannot be seen, or has neither a checksum nor an ETag to know it by
	absent                // there is no object
	other                 // there is another object
	ours                  // there is the object that was sent
)

// lacks tells that the object is not there.
func (f finding) lacks() bool { return f == absent || f == other }

// look tells what is stored at the key. Where it is this run's object, obj is the run's result; where it is blind, err may say why.
func (r *run) look(ctx context.Context) (found finding, obj Object, err error) {
	out, err := r.head(ctx, "")
	switch {
	case err != nil && notFound(err):
		return absent, obj, nil
	case err != nil:
		return blind, obj, r.failed("head", err)
	case out.ContentLength == nil: // no evidence
		return blind, obj, nil
	case *out.ContentLength != r.total:
		return other, obj, nil
	}
	switch known := r.known(out); {
	case known && *out.ChecksumCRC64NVME != crcText(r.sum):
		return other, obj, nil
	case known, r.made(aws.ToString(out.ETag)):
		return ours, r.object(out.ETag, out.VersionId), nil
	}
	return blind, obj, nil
}

// known tells whether out has the checksum of the object's bytes, as they are.
func (r *run) known(out *s3.HeadObjectOutput) bool {
	return r.checked() && aws.ToString(out.ChecksumCRC64NVME) != "" && out.ChecksumType != types.ChecksumTypeComposite
}

// head asks for a version of the object, or with "" for the current one.
func (r *run) head(ctx context.Context, version string) (*s3.HeadObjectOutput, error) {
	in := &s3.HeadObjectInput{Bucket: &r.bucket, Key: &r.key, VersionId: str(version)}
	if r.checked() {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	t := r.tries("head", r.requestTimeout(0))
	return r.client.HeadObject(ctx, in, t.options)
}

// etag returns the ETag of the object where it is neither encrypted with KMS or a customer's key nor stored by an unusual
// service, else something that is none.
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

// settlePut tells how a PutObject ended that returned err after its tries.
func (r *run) settlePut(ctx context.Context, err error, t *tries) (Object, error) {
	unclear, silent := t.unclear(err)
	if !unclear {
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			err = fmt.Errorf("the server broke off, as some do for a missing bucket or right: %w", err)
		}
		return Object{}, r.conditional(r.ended(ctx, "put", err))
	}
	dctx, cancel := r.detached(ctx)
	defer cancel()
	found, obj, lookErr := r.look(dctx)
	// A try without a reply may be carried out yet, whatever was said to those after it; unless the object that is there forbids it.
	forbidden := r.opts.IfAbsent && precondition(err) && found == other
	switch {
	case found == ours:
		return obj, nil
	case found == blind, silent && !forbidden:
		return Object{}, r.unknown(ctx, "put", err, lookErr)
	}
	return Object{}, r.conditional(r.ended(ctx, "put", err))
}

// settleComplete tells how a CompleteMultipartUpload ended that returned err after its tries.
//
// A request that may still be at work is decided by an abort: one that the service accepts ends the upload, so that nothing
// can come of it any more, and one for an upload that is no more says that the parts were used. The abort cannot harm a complete object. Where the
// key cannot be looked at, it is not tried: the upload may be all that there is.
func (r *run) settleComplete(ctx context.Context, err error, t *tries) (Object, error) {
	const what = "complete multipart upload"
	unclear, silent := t.unclear(err)
	gone := noSuchUpload(err)
	dctx, cancel := r.detached(ctx)
	defer cancel()
	if !unclear {
		if gone {
			// A proxy that sent the request twice brings the second reply.
			if found, obj, _ := r.look(dctx); found == ours {
				r.id = ""
				return obj, nil
			}
			r.id = ""
		}
		return Object{}, ending.Join(r.conditional(r.ended(ctx, what, err)), r.abort(ctx))
	}
	found, obj, lookErr := r.look(dctx)
	if found.lacks() {
		if !gone {
			switch aerr := r.abortOnce(dctx); {
			case noSuchUpload(aerr):
				gone = true
			case aerr != nil:
				return Object{}, r.unknown(ctx, what, err, r.failed("abort upload "+r.id, aerr))
			}
			found, obj, lookErr = r.look(dctx)
		}
		// The upload is gone, and the object may be yet to come.
		for wait := 100 * time.Millisecond; gone && silent && found.lacks() && wait <= 400*time.Millisecond && sleep(dctx, wait); wait *= 2 {
			found, obj, lookErr = r.look(dctx)
		}
	}
	switch {
	case found == ours:
		r.id = ""
		return obj, nil
	case found == blind, gone && (silent || found == other):
		return Object{}, r.unknown(ctx, what, err, lookErr)
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
	case code(err) == "ConditionalRequestConflict":
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
