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
	"github.com/millweir/millweir/stream"
)

// replyGrace is how long a request may still be answered after a cancellation where cutting it off would leave a doubt: an upload
// whose id nobody knows, or an object that may or may not be stored.
const replyGrace = 500 * time.Millisecond

// maxLocation is how many bytes an object's URL may have: the longest key, with three bytes for each, and a host.
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
		ContentEncoding:      str(r.opts.ContentEncoding),
		ContentDisposition:   str(r.opts.ContentDisposition),
		CacheControl:         str(r.opts.CacheControl),
		Metadata:             r.metadata(),
		Tagging:              str(r.opts.Tagging),
		StorageClass:         types.StorageClass(r.opts.StorageClass),
		ACL:                  types.ObjectCannedACL(r.opts.ACL),
		ServerSideEncryption: types.ServerSideEncryption(r.opts.ServerSideEncryption),
		SSEKMSKeyId:          str(r.opts.SSEKMSKeyID),
	}
	if r.checked() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	const what = "create multipart upload"
	t := r.tries(what, r.requestTimeout(0))
	longer, cancel := outliving(ctx, replyGrace)
	defer cancel()
	out, err := patiently(ctx, r, what, func() (*s3.CreateMultipartUploadOutput, error) {
		return r.client.CreateMultipartUpload(longer, in, t.options)
	})
	if err == nil && !isName(out.UploadId) {
		err = errNoUploadID
	}
	if err != nil {
		return r.ended(ctx, what, err)
	}
	r.id = *out.UploadId
	r.begun, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	r.answered = true
	r.sealed = r.encrypted(out.ServerSideEncryption) == nil
	return nil
}

// encrypted returns an error unless the service's answer is the encryption that was asked for. Most services give it when an upload
// begins and with every part, MinIO with the parts only.
func (r *run) encrypted(answer types.ServerSideEncryption) error {
	if asked := types.ServerSideEncryption(r.opts.ServerSideEncryption); asked != "" && answer != asked {
		return fmt.Errorf("%w: the answer to %s is %s", ErrNotEncrypted, asked, printable.Quote(string(answer)))
	}
	return nil
}

// uploadPart sends p.
func (r *run) uploadPart(ctx context.Context, p fullPart) error {
	what := fmt.Sprintf("upload part %d", p.n)
	t := r.tries(what, r.requestTimeout(len(p.body)))
	t.unsigned, t.retryOn = r.opts.UnsignedPayload, s3fault.Damaged
	out, err := patiently(ctx, r, what, func() (*s3.UploadPartOutput, error) {
		return r.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:            &r.bucket,
			Key:               &r.key,
			UploadId:          &r.id,
			PartNumber:        aws.Int32(int32(p.n)),
			Body:              bytes.NewReader(p.body),
			ContentLength:     aws.Int64(int64(len(p.body))),
			ChecksumCRC64NVME: r.settings.sum(p.crc),
		}, t.options)
	})
	switch {
	case err != nil:
	case !isName(out.ETag):
		err = errNoETag
	case !r.sealed && r.encrypted(out.ServerSideEncryption) != nil:
		err = r.encrypted(out.ServerSideEncryption)
	case r.checked() && out.ChecksumCRC64NVME != nil && *out.ChecksumCRC64NVME != crcText(p.crc):
		err = fmt.Errorf("%w: its CRC64NVME is %s, not %s", ErrMismatch, printable.Text(*out.ChecksumCRC64NVME), crcText(p.crc))
	}
	if err != nil {
		r.mu.Lock()
		r.late = r.late || s3fault.Status(err) == 0
		r.mu.Unlock()
		return r.ended(ctx, what, err)
	}
	sum := r.settings.sum(p.crc)
	r.acknowledged(types.CompletedPart{PartNumber: aws.Int32(int32(p.n)), ETag: out.ETag, ChecksumCRC64NVME: sum}, out.ChecksumCRC64NVME != nil)
	r.hooks.part(Part{UploadID: r.id, Number: p.n, Size: int64(len(p.body)), ETag: *out.ETag, Checksum: aws.ToString(sum)})
	return nil
}

// acknowledged keeps p for the list of parts. summed reports whether the service answered with its checksum.
func (r *run) acknowledged(p types.CompletedPart, summed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums = r.sums || summed
	n := int(*p.PartNumber)
	for len(r.done) < n {
		r.done = append(r.done, types.CompletedPart{})
	}
	r.done[n-1] = p
}

// complete makes the parts one object.
func (r *run) complete(ctx context.Context) (Object, error) {
	in := &s3.CompleteMultipartUploadInput{
		Bucket:            &r.bucket,
		Key:               &r.key,
		UploadId:          &r.id,
		MultipartUpload:   &types.CompletedMultipartUpload{Parts: r.done},
		ChecksumCRC64NVME: r.settings.sum(r.sum),
	}
	if r.checked() {
		in.ChecksumType = types.ChecksumTypeFullObject
		in.MpuObjectSize = aws.Int64(r.total)
	}
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	// A service may take minutes to put thousands of parts together.
	const what = "complete multipart upload"
	t := r.tries(what, r.requestTimeout(0)+10*time.Minute)
	if r.opts.RequestTimeout > 0 {
		t.timeout = r.opts.RequestTimeout
	}
	longer, cancel := outliving(ctx, replyGrace)
	defer cancel()
	out, err := patiently(ctx, r, what, func() (*s3.CompleteMultipartUploadOutput, error) {
		return r.client.CompleteMultipartUpload(longer, in, t.options)
	})
	if err == nil && !isName(out.ETag) {
		err = errNoETag
	}
	if err != nil {
		return r.settleComplete(ctx, err, t)
	}
	c := claim{
		what:   what,
		object: r.object(out.ETag, out.VersionId),
		begun:  r.begun,
		// A service that sums up parts does so for the object as well: without a sum its word is not what it says when it stores one.
		trusted: !r.sums,
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
	if r.id == "" {
		return nil
	}
	ctx, cancel := r.detached(ctx)
	defer cancel()
	what := "abort upload " + r.id
	err := r.abortOnce(ctx)
	// The server may be on its way back. What is left behind costs money every day.
	for wait := 100 * time.Millisecond; err != nil && ctx.Err() == nil && (s3fault.Busy(err) || !refused(err)); wait = min(2*wait, 2*time.Second) {
		r.hooks.retry(r.failed(what, err), wait)
		if !sleep(ctx, wait) {
			break
		}
		err = r.abortOnce(ctx)
	}
	// A part that was on its way may arrive behind the abort, and bring the upload back. Once the service does not know the upload
	// any more, none has (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
	for wait := 100 * time.Millisecond; err == nil && r.late && wait <= 200*time.Millisecond && sleep(ctx, wait); wait *= 2 {
		err = r.abortOnce(ctx)
	}
	if err != nil && !noSuchUpload(err) {
		return r.failed(what, err)
	}
	r.id = ""
	return nil
}

func (r *run) abortOnce(ctx context.Context) error {
	t := r.tries("abort upload "+r.id, r.requestTimeout(0))
	_, err := r.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &r.bucket, Key: &r.key, UploadId: &r.id}, t.options)
	return s3fault.Mark(err)
}

// endUpload aborts the upload, to decide what came of it, and reports whether that has ended it: if not, it was complete or
// aborted before.
func (r *run) endUpload(ctx context.Context) (ended bool, err error) {
	err = r.abortOnce(ctx)
	switch {
	case noSuchUpload(err):
		return false, nil
	case err != nil:
		return false, r.failed("abort upload "+r.id, err)
	}
	return r.abortOnce(ctx) != nil, nil // a service that accepts it again accepts any
}

// withAbort returns err after the upload is aborted, joined with why it could not be. The class stays that of err: cleaning up
// does not decide what may be tried again.
func (r *run) withAbort(ctx context.Context, err error) error {
	failed := r.abort(ctx)
	if failed == nil {
		return err
	}
	return stream.Mark(ending.Join(err, failed), stream.ClassOf(err))
}

// detached returns a context for what is to be done though ctx is cancelled.
func (r *run) detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), r.opts.AbortTimeout)
}

// failed returns err as this package reports it.
func (r *run) failed(what string, err error) error {
	return fmt.Errorf("s3sink: %s of %s/%s: %w", printable.Text(what), r.bucket, r.key, err)
}

// ended returns why a request failed: the cause when ctx ended it, else err.
func (r *run) ended(ctx context.Context, what string, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(err, errNoETag):
		return context.Cause(ctx)
	case s3fault.Code(err) == "NotImplemented" && r.checked():
		err = fmt.Errorf("%w (a service that does not know CRC64NVME needs ChecksumNone)", err)
	case r.answered && s3fault.Broken(err) && s3fault.Status(err) == 0:
		err = fmt.Errorf("%w: %w", ErrBrokenOff, err)
	}
	return r.failed(what, err)
}
