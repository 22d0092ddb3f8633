package s3sink

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fault"
)

// put stores the whole stream, which is the part being filled, by one request. If the body was sent
// without its MD5, and the ETag in the reply looks like another MD5, put sends the body again with
// its MD5, which the service compares.
func (r *run) put(ctx context.Context) (Object, error) {
	t := r.newAttempts("put", r.requestTimeout(r.cutter.part.body.size))
	t.unsigned, t.retryOn = r.unsigned(), s3fault.Damaged
	if r.opts.IfAbsent {
		t.retryOn = append([]string{conditionalConflict}, s3fault.Damaged...)
	}
	// With IfAbsent, the body cannot be sent again: the service would refuse it. With a lock, the
	// service wants a checksum.
	withMD5 := r.checksum() != ChecksumNone || r.opts.IfAbsent || r.locks()
	out, err := r.sendPut(ctx, t, withMD5)
	judge := r.judge()
	judge.sent.withMD5 = withMD5
	if err == nil && judge.sent.doubtful(*out.ETag) {
		if out, err = r.sendPut(ctx, t, true); err == nil {
			judge.sent.withMD5 = true
		} else {
			t.set(&t.maybeApplied) // the first request was
		}
	}
	var obj Object
	if err != nil {
		obj, err = judge.settlePut(ctx, err, t)
	} else {
		answered, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
		// A service that returns the MD5 of the body has read all of it.
		sameBytes := sameETag(*out.ETag, judge.sent.etag)
		if sameBytes {
			judge.sent.verified = md5Name
		}
		obj, err = judge.prove(ctx, successReply{
			what:      t.what,
			object:    judge.sent.object(out.ETag, out.VersionId),
			sum:       judge.sent.algorithm.in(sumsOfPut(out)),
			startedAt: answered,
			trusted:   sameBytes,
		})
	}
	if err == nil {
		r.callbacks.part(Part{Number: 1, Size: obj.Size, ETag: obj.ETag, Checksum: obj.Checksum})
	}
	return obj, err
}

// sendPut sends the PutObject, with its attempts.
func (r *run) sendPut(ctx context.Context, t *attempts, withMD5 bool) (*s3.PutObjectOutput, error) {
	body := &r.cutter.part.body
	in := r.putHeaders(r.token)
	in.ContentLength = aws.Int64(int64(body.size))
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	digest := encode(md5Of(body))
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	return send(ctx, r.requests, t, func() (*s3.PutObjectOutput, error) {
		in.Body = t.body(body)
		setPut(in, r.algorithm().sums(encode(r.algorithm().of(body))))
		if withMD5 {
			in.ContentMD5 = &digest
		}
		out, err := r.client.PutObject(longer, in, t.options)
		if err == nil && !isName(out.ETag) {
			err = errNoETag
		}
		return out, err
	})
}
