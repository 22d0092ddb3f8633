package s3sink

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fault"
)

// put stores the whole stream, which is the part being filled, by one request.
func (r *run) put(ctx context.Context) (Object, error) {
	body := &r.cutter.part.body
	in := r.putHeaders(r.token)
	in.ContentLength = aws.Int64(int64(body.size))
	digest := md5Of(body)
	t := r.newAttempts("put", r.requestTimeout(body.size))
	t.unsigned, t.retryOn = r.unsigned(), s3fault.Damaged
	if r.opts.IfAbsent {
		in.IfNoneMatch = aws.String("*")
		t.retryOn = append([]string{conditionalConflict}, s3fault.Damaged...)
	}
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := send(ctx, r.requests, t, func() (*s3.PutObjectOutput, error) {
		in.Body = t.body(body)
		setPut(in, r.algorithm().sums(encode(r.algorithm().of(body))))
		if in.ContentMD5 = nil; r.checksum() != ChecksumNone {
			in.ContentMD5 = aws.String(encode(digest))
		}
		out, err := r.client.PutObject(longer, in, t.options)
		if err == nil && !isName(out.ETag) {
			err = errNoETag
		}
		return out, err
	})
	judge := r.judge()
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
