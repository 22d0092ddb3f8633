package s3source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// head sends a HEAD for the object, or for one part of it. The rejection of a HEAD has no body, so
// expired credentials look like a bad request: a GET finds the reason. If the service accepts the
// GET, head sends the HEAD again.
func (r *run) head(ctx context.Context, part *int32, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	out, err := r.headOnce(ctx, part, opts...)
	if s3fault.Status(err) != http.StatusBadRequest {
		return out, err
	}
	if reason := r.reason(ctx); reason != nil {
		return nil, reason
	}
	out, err = r.headOnce(ctx, part, opts...)
	if s3fault.Status(err) == http.StatusBadRequest {
		err = fatal{fmt.Errorf("%w: %w", errOnlyHead, err)}
	}
	return out, err
}

// errOnlyHead reports the rejection of a HEAD by a service that accepts a GET of the same object.
var errOnlyHead = stream.Mark(errors.New("the service accepts a GET and rejects the HEAD"), stream.Fatal)

func (r *run) headOnce(ctx context.Context, part *int32, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	ctx, w := r.watch(ctx)
	defer w.end()
	w.request()
	out, err := r.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &r.bucket, Key: &r.key, VersionId: s3wire.NonEmpty(r.opts.VersionID), IfMatch: s3wire.NonEmpty(r.etag),
		PartNumber: part,
	}, r.callOptions(append(opts, s3reply.Guard)...)...)
	if err != nil {
		return nil, orStalled(ctx, r.withSentinel(s3fault.Mark(err)))
	}
	r.policy.Answered()
	return out, r.checkETag(aws.ToString(out.ETag))
}

// repeatedHead sends a HEAD for a part until its reply is good or another request does not help. It
// is for a request after the first byte, where the run cannot begin again, and for one of many. All
// HEADs with the same loop have one RetryTimeout.
func (r *run) repeatedHead(ctx context.Context, part int32, loop *s3retry.Loop) (*s3.HeadObjectOutput, error) {
	badReplies, report := 0, r.onRetry()
	for {
		out, err := r.head(ctx, &part)
		if err == nil || ctx.Err() != nil {
			return out, err
		}
		next := loop.Next
		if errors.Is(err, ErrBadReply) && badReplies < maxBadReplies {
			badReplies++
			next = func(error) (time.Duration, bool) { return loop.Again() }
		}
		wait, ok := next(err)
		if !ok {
			return out, err
		}
		if report != nil {
			report(err, wait)
		}
		if !s3retry.Sleep(ctx, wait) {
			return out, err
		}
	}
}

// headWithChecksums sends a HEAD that asks for the object's checksums, if the service allows it. A
// rejection has no reason, so the cause may have passed: the request is sent again before the object
// counts as one without checksums.
func (r *run) headWithChecksums(ctx context.Context) (*s3.HeadObjectOutput, error) {
	if r.opts.Verify == VerifyLength || r.withoutMode {
		return r.head(ctx, nil)
	}
	out, err := r.headOnce(ctx, nil, askForChecksum)
	if !rejectsHeader(err) {
		return out, err
	}
	plain, err := r.head(ctx, nil)
	if err != nil {
		return nil, err
	}
	out, err = r.headOnce(ctx, nil, askForChecksum)
	if !rejectsHeader(err) {
		return out, err
	}
	r.withoutMode = true
	return plain, nil
}

// confirmLength determines the end of the object by a HEAD.
func (r *run) confirmLength(ctx context.Context) error {
	length, err := r.length(ctx)
	if err != nil {
		return err
	}
	if length < r.end {
		return fatal{fmt.Errorf("%w: replies give the object's length as %d and %d bytes", ErrBadReply, r.end, length)}
	}
	r.end, r.lengthConfirmed = length, true
	return nil
}

// length returns the length of the object, by a HEAD.
func (r *run) length(ctx context.Context) (int64, error) {
	out, err := r.head(ctx, nil)
	if err != nil {
		return 0, err
	}
	if out.ContentLength == nil {
		return 0, fatal{fmt.Errorf("%w: no reply has the object's length", ErrBadReply)}
	}
	r.describe(out, *out.ContentLength)
	return *out.ContentLength, nil
}

// look begins a parallel download by a HEAD.
func (r *run) look(ctx context.Context) error {
	for {
		out, err := r.headWithChecksums(ctx)
		if err == nil {
			err = r.found(ctx, out)
		}
		switch {
		case err == nil, err == errNotByHead: //nolint:errorlint // it is our own, unwrapped
			return err
		case errors.Is(err, errOnlyHead) && !r.headOnly:
			return errNotByHead
		}
		if err := r.again(ctx, err); err != nil {
			return err
		}
	}
}

// errNotByHead reports that a GET must begin the download: the object is empty, the reply to the HEAD
// has no ETag that would tie the parts together, or the service rejects HEADs and accepts GETs.
var errNotByHead = stream.Mark(errors.New("a HEAD does not describe the object well enough"), stream.Fatal)

// found begins with the object that a HEAD described.
func (r *run) found(ctx context.Context, out *s3.HeadObjectOutput) error {
	etag, size := aws.ToString(out.ETag), aws.ToInt64(out.ContentLength)
	switch {
	case etag != "" && !s3reply.IsName(etag): // it is sent back in If-Match
		return fatal{fmt.Errorf("%w: its ETag is %s", ErrBadReply, printable.Quote(etag))}
	case out.ContentLength == nil:
		return fmt.Errorf("%w: the reply to a HEAD has no length", ErrBadReply)
	case (size == 0 || etag == "") && !r.headOnly:
		return errNotByHead
	case size < r.pos, r.hasLength() && size < r.end:
		return tooShort(size, max(r.pos, r.end))
	}
	if !r.hasLength() {
		r.end = size
	}
	r.describe(out, size)
	r.askedForChecksums = true
	r.gotReply, r.etag, r.lengthConfirmed = true, etag, true
	return r.begin(ctx)
}
