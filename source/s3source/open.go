package s3source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// open requests the rest of the run. It returns the body, which begins at pos, and the offset at
// which the body must end, or -1.
func (r *run) open(ctx context.Context) (body io.ReadCloser, upto int64, err error) {
	repeats := r.nameless && r.pos == r.opts.Offset // a first reply that was given up
	ranged := !r.wholeObject() || r.gotReply && !repeats
	if r.gotReply && r.lastUnnamed && !repeats {
		return nil, 0, fatal{stream.Mark(
			errors.New("the reply broke off and had no ETag, so the rest cannot be read"), stream.Fatal)}
	}
	in := r.getInput()
	if ranged {
		in.Range = aws.String(byteRange(r.pos, r.until()))
	}
	out, err := r.get(ctx, in)
	err = s3fault.Mark(err)
	switch {
	case err != nil && ranged && s3fault.Status(err) == http.StatusRequestedRangeNotSatisfiable:
		return r.pastEnd(ctx, err)
	case err != nil:
		return nil, 0, r.withSentinel(err)
	}
	if out.Body == nil {
		out.Body = http.NoBody
	}
	r.policy.Answered()
	if upto, err = r.checkReply(ranged, out); err != nil {
		_ = out.Body.Close() // err is the cause
		return nil, 0, err
	}
	return out.Body, upto, nil
}

// getInput returns a request for the whole object.
func (r *run) getInput() *s3.GetObjectInput {
	return &s3.GetObjectInput{
		Bucket: &r.bucket, Key: &r.key, VersionId: s3wire.NonEmpty(r.opts.VersionID), IfMatch: s3wire.NonEmpty(r.etag),
	}
}

// get sends in, and asks for the object's checksum if in is for the whole object. Some services
// reject the header that asks (https://www.backblaze.com/docs/cloud-storage-s3-compatible-api):
// then get sends in without it.
func (r *run) get(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	if in.Range != nil || r.opts.Verify == VerifyLength || r.withoutMode {
		return r.client.GetObject(ctx, in, r.callOptions(withoutValidation)...)
	}
	out, err := r.client.GetObject(ctx, in, r.callOptions(withoutValidation, askForChecksum)...)
	if !rejectsHeader(err) {
		return out, err
	}
	plain, plainErr := r.client.GetObject(ctx, in, r.callOptions(withoutValidation)...)
	if rejectsHeader(plainErr) { // it was not for the header
		return out, err
	}
	r.withoutMode = plainErr == nil
	return plain, plainErr
}

// rejectsHeader reports whether err may mean that the service does not know a header.
func rejectsHeader(err error) bool {
	status := s3fault.Status(err)
	return (status == http.StatusBadRequest || status == http.StatusNotImplemented) &&
		s3fault.Class(err) == stream.Fatal
}

// withoutValidation disables the SDK's checksum validation. This package compares the checksum,
// because the SDK's reader sees only one of several replies.
func withoutValidation(o *s3.Options) {
	s3reply.Guard(o)
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
}

// askForChecksum asks for the checksums of the object. The field ChecksumMode would also make the
// SDK validate them.
func askForChecksum(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Checksum-Mode", "ENABLED"))
}

// reportRetries reports the client's own retries to OnRetry.
func (r *run) reportRetries(o *s3.Options) {
	if f := r.onRetry(); f != nil {
		o.Retryer = s3retry.Notify(o.Retryer, f)
	}
}

// onRetry returns OnRetry for errors of requests, or nil.
func (r *run) onRetry() func(err error, wait time.Duration) {
	f := r.opts.OnRetry
	if f == nil {
		return nil
	}
	return func(err error, wait time.Duration) { f(r.failed(err), wait) }
}

// checkReply compares a reply with the request and with earlier replies.
func (r *run) checkReply(ranged bool, out *s3.GetObjectOutput) (upto int64, err error) {
	etag, length := aws.ToString(out.ETag), int64(-1)
	if out.ContentLength != nil && *out.ContentLength >= 0 {
		length = *out.ContentLength
	}
	status := status(out)
	switch {
	case etag != "" && !s3reply.IsName(etag): // it is sent back in If-Match
		return 0, fatal{fmt.Errorf("%w: its ETag is %s", ErrBadReply, printable.Quote(etag))}
	case status == http.StatusPartialContent && out.ContentRange == nil:
		return 0, fmt.Errorf("%w: a part of the object without a Content-Range", ErrBadReply)
	case status == http.StatusOK && ranged:
		return 0, fmt.Errorf("%w: the whole object instead of the bytes from %d on", ErrBadReply, r.pos)
	}
	if err := r.checkName(out); err != nil {
		return 0, err
	}
	if !ranged && out.ContentRange == nil {
		if r.described && length >= 0 && length != r.end { // the first reply was not used
			return 0, fmt.Errorf("%w: replies give the object's length as %d and %d bytes", ErrBadReply, r.end, length)
		}
		r.etag, r.lastUnnamed = cmp.Or(r.etag, etag), etag == ""
		if r.described {
			return length, nil
		}
		r.gotReply, r.end, r.nameless = true, length, etag == ""
		r.describe(headOf(out), length)
		r.askedForChecksums = true
		return length, nil
	}
	until := r.until()
	first, last, total, ok := contentRange(aws.ToString(out.ContentRange))
	switch {
	case out.ContentRange == nil:
		return 0, fmt.Errorf("%w: the whole object instead of the bytes from %d on", ErrBadReply, r.pos)
	case !ok, first != r.pos, length >= 0 && length != last-first+1, r.limitsReply() && last >= until:
		return 0, fmt.Errorf("%w: %s and %d bytes came for %s",
			ErrBadReply, printable.Quote(*out.ContentRange), length, byteRange(r.pos, until))
	case r.total >= 0 && total != r.total:
		return 0, fmt.Errorf("%w: replies give the object's length as %d and %d bytes", ErrBadReply, r.total, total)
	case r.hasLength() && total < r.end:
		return 0, tooShort(total, r.end)
	case r.lengthConfirmed && !r.hasLength() && total != r.end, r.gotReply && total < r.end:
		return 0, fmt.Errorf("%w: replies give the object's length as %d and %d bytes", ErrBadReply, r.end, total)
	}
	if !r.hasLength() {
		r.end = total
	}
	if !r.described {
		r.nameless = etag == ""
	}
	r.gotReply, r.etag, r.lastUnnamed, r.lengthConfirmed = true, cmp.Or(r.etag, etag), etag == "", true
	r.describe(headOf(out), total)
	return last + 1, nil
}

// describe keeps what the first reply says about the object. Later replies are for ranges, so they
// lack its checksums.
func (r *run) describe(h *s3.HeadObjectOutput, size int64) {
	if r.described {
		return
	}
	r.described = true
	r.object = objectOf(r.key, h)
	r.object.Size = size
}

// until returns the offset at which the next request ends, or -1 if the object's end is unknown.
func (r *run) until() int64 {
	if r.limitsToPart() {
		return min(r.end, r.pos+r.verifier.left)
	}
	return r.end
}

// limitsReply reports whether a reply must not go on after the offset until.
func (r *run) limitsReply() bool { return r.hasLength() || r.limitsToPart() }

// limitsToPart reports whether a request is for one part of the object at most. The size of the
// next part must be asked for, and a reply that goes on would hold its connection meanwhile.
func (r *run) limitsToPart() bool {
	return r.verifier != nil && r.verifier.asksEach && r.verifier.left > 0
}

// status returns the HTTP status of a reply, or 0 if the client does not say.
func status(out *s3.GetObjectOutput) int {
	reply, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if ok && reply.Response != nil {
		return reply.StatusCode
	}
	return 0
}

// hasLength reports whether the caller has set the length to read.
func (r *run) hasLength() bool { return r.opts.Length > 0 }

// pastEnd handles the reply that there are no bytes from pos on. This is the answer after a body of
// unknown length that broke off after its last byte, and for a range that begins after the object's
// end.
func (r *run) pastEnd(ctx context.Context, refusal error) (body io.ReadCloser, upto int64, err error) {
	length, err := r.length(ctx)
	switch {
	case err != nil:
		return nil, 0, err
	case length > r.pos:
		return nil, 0, fmt.Errorf("%w: the object has %d bytes: %w", ErrBadReply, length, refusal)
	case r.hasLength(), !r.gotReply && length < r.pos:
		return nil, 0, tooShort(length, max(r.pos, r.end))
	}
	r.gotReply, r.end, r.lengthConfirmed = true, length, true
	return http.NoBody, r.pos, nil
}

// tooShort returns the error of an object that ends before the requested bytes do.
func tooShort(has, want int64) error {
	err := fmt.Errorf("the object has %d bytes, not %d: %w", has, want, io.ErrUnexpectedEOF)
	return fatal{stream.Mark(err, stream.Fatal)}
}

// withSentinel adds the matching sentinel to err, and makes err fatal if another request does not
// help.
func (r *run) withSentinel(err error) error {
	status := s3fault.Status(err)
	aboutKey := r.keyError(err)
	switch {
	case aboutKey != nil:
		return fatal{aboutKey}
	case status == http.StatusNotFound:
		return fatal{fmt.Errorf("%w: %w", ErrNotFound, err)}
	case status == http.StatusPreconditionFailed:
		return fatal{fmt.Errorf("%w: %w", ErrObjectChanged, err)}
	case s3fault.Code(err) == "InvalidObjectState":
		return fatal{fmt.Errorf("%w: %w", ErrArchived, err)}
	case !r.policy.Transient(err) && !errors.Is(err, context.DeadlineExceeded):
		return fatal{err}
	}
	return err
}

// byteRange returns a Range header for the bytes from first up to, not including, end. A negative
// end means to the last byte.
func byteRange(first, end int64) string {
	if end < 0 {
		return fmt.Sprintf("bytes=%d-", first)
	}
	return fmt.Sprintf("bytes=%d-%d", first, end-1)
}

// contentRange reads a Content-Range header of the form "bytes 0-99/1000".
func contentRange(s string) (first, last, total int64, ok bool) {
	span, size, ok1 := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	ok = ok1 && ok2 && strings.HasPrefix(s, "bytes ") && errors.Join(err1, err2, err3) == nil &&
		0 <= first && first <= last && last < total
	return first, last, total, ok
}
