package s3sink

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/printable"
)

// maxLocation is the greatest length in bytes of an object's URL: the longest key with three bytes
// for each, and a host.
const maxLocation = 4 << 10

// combineStalls is the number of StallTimeouts that a CompleteMultipartUpload may take: a service
// may need minutes to combine thousands of parts.
const combineStalls = 10

// damagedLists are the error codes of a list of parts that was damaged on the way. MinIO reads the
// list before it compares the signed hash.
var damagedLists = []string{"MalformedXML", "InvalidPart", "InvalidPartOrder"}

// complete combines the parts into the object.
func (r *run) complete(ctx context.Context) (Object, error) {
	if err := r.upload.parts.damaged(); err != nil {
		return Object{}, r.upload.withAbort(ctx, r.failed("upload", err))
	}
	t := r.newAttempts("complete multipart upload", combineStalls*r.opts.StallTimeout)
	t.answer = t.timeout - t.stall
	t.keepChecksum = r.upload.parts.echoed()
	t.retryOn = damagedLists
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := send(ctx, r.requests, t, func() (*s3.CompleteMultipartUploadOutput, error) {
		out, err := r.client.CompleteMultipartUpload(longer, r.completion(), t.options)
		if err == nil && !isName(out.ETag) {
			err = errNoETag
		}
		return out, err
	})
	judge := r.judge()
	if err != nil {
		return judge.settleComplete(ctx, r.withPartHint(err), t)
	}
	reply := successReply{
		what:      t.what,
		object:    judge.sent.object(out.ETag, out.VersionId),
		startedAt: r.upload.startedAt,
		// A service that returns checksums of parts also returns the checksum of a stored object. A
		// reply without one is then suspicious.
		trusted: !r.upload.parts.echoed(),
	}
	if at := aws.ToString(out.Location); len(at) <= maxLocation && printable.Is(at) {
		reply.object.Location = at
	}
	if out.ChecksumType == "" || out.ChecksumType == judge.sent.algorithm.kind() {
		reply.sum = judge.sent.algorithm.in(sumsOfComplete(out))
	}
	return judge.prove(ctx, reply)
}

// completion returns the request that combines the parts, with the checksum in use.
func (r *run) completion() *s3.CompleteMultipartUploadInput {
	a := r.algorithm()
	in := &s3.CompleteMultipartUploadInput{
		Bucket:          &r.bucket,
		Key:             &r.key,
		UploadId:        &r.upload.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: r.upload.parts.completed()},
	}
	if sum := a.ofParts(r.upload.parts.acked); sum != "" {
		in.ChecksumType = a.kind()
		in.MpuObjectSize = aws.Int64(r.cutter.total)
		if a.crc != nil { // S3 computes the checksum of the parts' checksums itself
			setComplete(in, a.sums(sum))
		}
	}
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	return in
}
