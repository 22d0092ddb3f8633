package s3sink

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3wire"
)

// put stores the whole stream, which is in buf, by one request. ServerSideEncryption is not set:
// with it the run is a multipart upload.
func (r *run) put(ctx context.Context) (Object, error) {
	r.sum = r.crc
	in := &s3.PutObjectInput{
		Bucket:             &r.bucket,
		Key:                &r.key,
		ContentLength:      aws.Int64(int64(len(r.buf))),
		ChecksumCRC64NVME:  r.settings.sumHeader(r.crc),
		ContentType:        &r.opts.ContentType,
		ContentEncoding:    s3wire.NonEmpty(r.opts.ContentEncoding),
		ContentDisposition: s3wire.NonEmpty(r.opts.ContentDisposition),
		CacheControl:       s3wire.NonEmpty(r.opts.CacheControl),
		Metadata:           r.metadata(),
		Tagging:            s3wire.NonEmpty(r.opts.Tagging),
		StorageClass:       types.StorageClass(r.opts.StorageClass),
		ACL:                types.ObjectCannedACL(r.opts.ACL),
	}
	const what = "put"
	t := r.newAttempts(what, r.requestTimeout(len(r.buf)))
	t.unsigned, t.retryOn = r.opts.UnsignedPayload, s3fault.Damaged
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
		t.retryOn = append([]string{"ConditionalRequestConflict"}, s3fault.Damaged...)
	}
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := retryWhileBusy(ctx, r, what, func() (*s3.PutObjectOutput, error) {
		in.Body = bytes.NewReader(r.buf)
		return r.client.PutObject(longer, in, t.options)
	})
	if err == nil && !isName(out.ETag) {
		err = errNoETag
	}
	if err != nil {
		return r.settlePut(ctx, err, t)
	}
	answered, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	return r.prove(ctx, successReply{
		what:      what,
		object:    r.object(out.ETag, out.VersionId),
		sum:       aws.ToString(out.ChecksumCRC64NVME),
		startedAt: answered,
		// A service that returns the MD5 of the body has read all of it.
		trusted: sameETag(*out.ETag, r.etag()),
	})
}

// object returns the result of the run. It omits a version id that is not valid.
func (r *run) object(etag, version *string) Object {
	if !isName(version) {
		version = nil
	}
	return Object{
		Bucket:    r.bucket,
		Key:       r.key,
		ETag:      aws.ToString(etag),
		VersionID: aws.ToString(version),
		Size:      r.total,
		Parts:     r.partCount,
		Checksum:  aws.ToString(r.settings.sumHeader(r.sum)),
	}
}
