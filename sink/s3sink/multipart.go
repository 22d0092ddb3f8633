package s3sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// replyGrace is how long a request may still be answered after a cancellation, if without the reply
// the id of an upload or the outcome of the run would be unknown.
const replyGrace = 500 * time.Millisecond

// maxLocation is the greatest length in bytes of an object's URL: the longest key with three bytes
// for each, and a host.
const maxLocation = 4 << 10

// create begins a multipart upload.
func (r *run) create(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in := &s3.CreateMultipartUploadInput{
		Bucket:               &r.bucket,
		Key:                  &r.key,
		ContentType:          &r.opts.ContentType,
		ContentEncoding:      s3wire.NonEmpty(r.opts.ContentEncoding),
		ContentDisposition:   s3wire.NonEmpty(r.opts.ContentDisposition),
		CacheControl:         s3wire.NonEmpty(r.opts.CacheControl),
		Metadata:             r.metadata(),
		Tagging:              s3wire.NonEmpty(r.opts.Tagging),
		StorageClass:         types.StorageClass(r.opts.StorageClass),
		ACL:                  types.ObjectCannedACL(r.opts.ACL),
		ServerSideEncryption: types.ServerSideEncryption(r.opts.ServerSideEncryption),
		SSEKMSKeyId:          s3wire.NonEmpty(r.opts.SSEKMSKeyID),
	}
	if r.hasChecksum() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	const what = "create multipart upload"
	t := r.newAttempts(what, r.requestTimeout(0))
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := retryWhileBusy(ctx, r, what, func() (*s3.CreateMultipartUploadOutput, error) {
		return r.client.CreateMultipartUpload(longer, in, t.options)
	})
	if err == nil && !isName(out.UploadId) {
		err = errNoUploadID
	}
	if err != nil {
		return r.requestError(ctx, what, err)
	}
	r.uploadID = *out.UploadId
	r.startedAt, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	r.gotReply = true
	r.encryptionConfirmed = r.encrypted(out.ServerSideEncryption) == nil
	return nil
}

// encrypted returns an error unless the service confirms the requested encryption. Most services
// confirm it when an upload begins and with every part, MinIO only with the parts.
func (r *run) encrypted(answer types.ServerSideEncryption) error {
	if asked := types.ServerSideEncryption(r.opts.ServerSideEncryption); asked != "" && answer != asked {
		return fmt.Errorf("%w: the answer to %s is %s", ErrNotEncrypted, asked, printable.Quote(string(answer)))
	}
	return nil
}

// uploadPart sends p.
func (r *run) uploadPart(ctx context.Context, p fullPart) error {
	what := fmt.Sprintf("upload part %d", p.n)
	t := r.newAttempts(what, r.requestTimeout(len(p.body)))
	t.unsigned, t.retryOn = r.opts.UnsignedPayload, s3fault.Damaged
	out, err := retryWhileBusy(ctx, r, what, func() (*s3.UploadPartOutput, error) {
		return r.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:            &r.bucket,
			Key:               &r.key,
			UploadId:          &r.uploadID,
			PartNumber:        aws.Int32(int32(p.n)),
			Body:              bytes.NewReader(p.body),
			ContentLength:     aws.Int64(int64(len(p.body))),
			ChecksumCRC64NVME: r.settings.sumHeader(p.crc),
		}, t.options)
	})
	switch {
	case err != nil:
	case !isName(out.ETag):
		err = errNoETag
	case !r.encryptionConfirmed && r.encrypted(out.ServerSideEncryption) != nil:
		err = r.encrypted(out.ServerSideEncryption)
	case r.hasChecksum() && out.ChecksumCRC64NVME != nil && *out.ChecksumCRC64NVME != s3wire.CRC64NVME(p.crc):
		err = fmt.Errorf("%w: its CRC64NVME is %s, not %s",
			ErrMismatch, printable.Text(*out.ChecksumCRC64NVME), s3wire.CRC64NVME(p.crc))
	}
	if err != nil {
		if s3fault.Status(err) == 0 {
			r.parts.addUnanswered()
		}
		return r.requestError(ctx, what, err)
	}
	sum := r.settings.sumHeader(p.crc)
	acked := types.CompletedPart{PartNumber: aws.Int32(int32(p.n)), ETag: out.ETag, ChecksumCRC64NVME: sum}
	r.parts.add(acked, out.ChecksumCRC64NVME)
	r.callbacks.part(Part{
		UploadID: r.uploadID, Number: p.n, Size: int64(len(p.body)), ETag: *out.ETag, Checksum: aws.ToString(sum),
	})
	return nil
}

// complete combines the parts into the object.
func (r *run) complete(ctx context.Context) (Object, error) {
	in := &s3.CompleteMultipartUploadInput{
		Bucket:            &r.bucket,
		Key:               &r.key,
		UploadId:          &r.uploadID,
		MultipartUpload:   &types.CompletedMultipartUpload{Parts: r.parts.completed},
		ChecksumCRC64NVME: r.settings.sumHeader(r.sum),
	}
	if r.hasChecksum() {
		in.ChecksumType = types.ChecksumTypeFullObject
		in.MpuObjectSize = aws.Int64(r.total)
	}
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	// A service may take minutes to combine thousands of parts.
	const what = "complete multipart upload"
	t := r.newAttempts(what, r.requestTimeout(0)+10*time.Minute)
	if r.opts.RequestTimeout > 0 {
		t.timeout = r.opts.RequestTimeout
	}
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := retryWhileBusy(ctx, r, what, func() (*s3.CompleteMultipartUploadOutput, error) {
		return r.client.CompleteMultipartUpload(longer, in, t.options)
	})
	if err == nil && !isName(out.ETag) {
		err = errNoETag
	}
	if err != nil {
		return r.settleComplete(ctx, err, t)
	}
	c := successReply{
		what:      what,
		object:    r.object(out.ETag, out.VersionId),
		startedAt: r.startedAt,
		// A service that returns checksums of parts also returns the checksum of a stored object. A
		// reply without one is then suspicious.
		trusted: !r.parts.gotSum,
	}
	if at := aws.ToString(out.Location); len(at) <= maxLocation && printable.Is(at) {
		c.object.Location = at
	}
	if out.ChecksumType != types.ChecksumTypeComposite {
		c.sum = aws.ToString(out.ChecksumCRC64NVME)
	}
	return r.prove(ctx, c)
}

// abort ends the upload that is under way, if there is one. No part may be in flight.
func (r *run) abort(ctx context.Context) error {
	if r.uploadID == "" {
		return nil
	}
	ctx, cancel := r.cleanupContext(ctx)
	defer cancel()
	what := "abort upload " + r.uploadID
	err := r.abortOnce(ctx)
	// The server may become available again. An unfinished upload costs money every day.
	mayRecover := func(err error) bool { return err != nil && (s3fault.Busy(err) || !refused(err)) }
	for wait := 100 * time.Millisecond; mayRecover(err) && ctx.Err() == nil; wait = min(2*wait, 2*time.Second) {
		r.callbacks.retry(r.failed(what, err), wait)
		if !s3retry.Sleep(ctx, wait) {
			break
		}
		err = r.abortOnce(ctx)
	}
	// A part in flight may arrive after the abort and restore the upload. If the service no longer
	// knows the upload, no part has
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
	const least, most = 100 * time.Millisecond, 200 * time.Millisecond
	for wait := least; err == nil && r.parts.maybeInFlight && wait <= most && s3retry.Sleep(ctx, wait); wait *= 2 {
		err = r.abortOnce(ctx)
	}
	if err != nil && !noSuchUpload(err) {
		return r.failed(what, err)
	}
	r.uploadID = ""
	return nil
}

func (r *run) abortOnce(ctx context.Context) error {
	t := r.newAttempts("abort upload "+r.uploadID, r.requestTimeout(0))
	in := &s3.AbortMultipartUploadInput{Bucket: &r.bucket, Key: &r.key, UploadId: &r.uploadID}
	_, err := r.client.AbortMultipartUpload(ctx, in, t.options)
	return s3fault.Mark(err)
}

// abortAsProbe aborts the upload to find out its state. It reports whether the abort ended the
// upload. If not, the upload had been completed or aborted before.
func (r *run) abortAsProbe(ctx context.Context) (ended bool, err error) {
	err = r.abortOnce(ctx)
	switch {
	case noSuchUpload(err):
		return false, nil
	case err != nil:
		return false, r.failed("abort upload "+r.uploadID, err)
	}
	return r.abortOnce(ctx) != nil, nil // a service that accepts a second abort accepts every abort
}

// withAbort aborts the upload and returns err, joined with the error of the abort. It keeps the
// class of err: cleaning up does not change what may be retried.
func (r *run) withAbort(ctx context.Context, err error) error {
	failed := r.abort(ctx)
	if failed == nil {
		return err
	}
	return stream.Mark(ending.Join(err, failed), stream.ClassOf(err))
}

// cleanupContext returns a context for work that must be done even if ctx is cancelled.
func (r *run) cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), r.opts.AbortTimeout)
}

// failed adds the package, the request and the object to err.
func (r *run) failed(what string, err error) error {
	return fmt.Errorf("s3sink: %s of %s/%s: %w", printable.Text(what), r.bucket, r.key, err)
}

// requestError returns why a request failed: the cause if ctx ended it, otherwise err.
func (r *run) requestError(ctx context.Context, what string, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(err, errNoETag):
		return context.Cause(ctx)
	case s3fault.Code(err) == "NotImplemented" && r.hasChecksum():
		err = fmt.Errorf("%w (a service that does not know CRC64NVME needs ChecksumNone)", err)
	case r.gotReply && s3fault.Broken(err) && s3fault.Status(err) == 0:
		err = fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	return r.failed(what, err)
}
