package s3source

import (
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
	"github.com/millweir/millweir/stream"
)

// open asks for what is left of the run. It returns the body, which begins at pos, and where it is to end, or -1.
func (r *run) open(ctx context.Context) (body io.ReadCloser, upto int64, err error) {
	ranged := r.some || !r.whole()
	if r.some && r.etag == "" {
		return nil, 0, fatal{stream.Mark(errors.New("the reply broke off, and it had no ETag to read on by"), stream.Fatal)}
	}
	in := &s3.GetObjectInput{Bucket: &r.bucket, Key: &r.key, VersionId: str(r.opts.VersionID), IfMatch: str(r.etag)}
	if ranged {
		in.Range = aws.String(byteRange(r.pos, r.end))
	}
	out, err := r.client.GetObject(ctx, in, plain, r.watched)
	err = s3fault.Mark(err)
	switch {
	case err != nil && ranged && s3fault.Status(err) == http.StatusRequestedRangeNotSatisfiable:
		return r.behind(ctx, err)
	case err != nil:
		return nil, 0, r.refusal(err)
	}
	if out.Body == nil {
		out.Body = http.NoBody
	}
	if upto, err = r.check(ranged, out); err != nil {
		_ = out.Body.Close() // err is the cause
		return nil, 0, err
	}
	return out.Body, upto, nil
}

// plain has the SDK leave the body as it is. The checksum that comes with it is asked for, but compared here: the SDK's reader would
// not see the object as one across several replies.
func plain(o *s3.Options) {
	s3reply.Guard(o)
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Checksum-Mode", "ENABLED"))
}

// watched reports the client's own retries.
func (r *run) watched(o *s3.Options) {
	if f := r.opts.OnRetry; f != nil {
		o.Retryer = s3retry.Notify(o.Retryer, func(err error, wait time.Duration) { f(r.failed(err), wait) })
	}
}

// check compares a reply with what was asked for and with the replies before.
func (r *run) check(ranged bool, out *s3.GetObjectOutput) (upto int64, err error) {
	etag, length := aws.ToString(out.ETag), int64(-1)
	if out.ContentLength != nil && *out.ContentLength >= 0 {
		length = *out.ContentLength
	}
	status := status(out)
	switch {
	case etag != "" && !s3reply.IsName(etag): // it is to be sent back
		return 0, fatal{fmt.Errorf("%w: its ETag is %s", ErrBadReply, printable.Quote(etag))}
	case status == http.StatusPartialContent && out.ContentRange == nil:
		return 0, fmt.Errorf("%w: a part of the object came, and no Content-Range says which", ErrBadReply)
	case status == http.StatusOK && ranged:
		return 0, fmt.Errorf("%w: the whole object came, not what follows byte %d", ErrBadReply, r.pos)
	}
	if err := r.same(etag); err != nil {
		return 0, err
	}
	if !ranged && out.ContentRange == nil {
		r.some, r.etag, r.end = true, etag, length
		if sum := aws.ToString(out.ChecksumCRC64NVME); !strings.Contains(sum, "-") {
			r.sum = sum
		}
		return length, nil
	}
	first, last, total, ok := contentRange(aws.ToString(out.ContentRange))
	switch {
	case out.ContentRange == nil:
		return 0, fmt.Errorf("%w: the whole object came, not what follows byte %d", ErrBadReply, r.pos)
	case !ok, first != r.pos, length >= 0 && length != last-first+1, r.bounded() && last >= r.end:
		return 0, fmt.Errorf("%w: %s and %d bytes came for %s", ErrBadReply, printable.Quote(*out.ContentRange), length, byteRange(r.pos, r.end))
	case r.bounded() && total < r.end:
		return 0, short(total, r.end)
	case r.sure && !r.bounded() && total != r.end, r.some && total < r.end:
		return 0, fmt.Errorf("%w: the object is told to have %d bytes, and %d", ErrBadReply, r.end, total)
	}
	if !r.bounded() {
		r.end = total
	}
	r.some, r.etag, r.sure = true, etag, true
	return last + 1, nil
}

// status returns the HTTP status of a reply, or 0 if the client does not say.
func status(out *s3.GetObjectOutput) int {
	if reply, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok && reply.Response != nil {
		return reply.StatusCode
	}
	return 0
}

// same returns an error unless etag is that of the object which is read, where that has one.
func (r *run) same(etag string) error {
	switch {
	case r.etag == "", etag == r.etag:
		return nil
	case etag == "":
		return fatal{fmt.Errorf("%w: it has no ETag, and the object is the one with %s", ErrBadReply, printable.Text(r.etag))}
	}
	return fatal{fmt.Errorf("%w: its ETag was %s and is %s", ErrObjectChanged, printable.Text(r.etag), printable.Text(etag))}
}

// bounded tells whether the caller said where the run ends.
func (r *run) bounded() bool { return r.opts.Length > 0 }

// measure finds out where the object ends.
func (r *run) measure(ctx context.Context) error {
	length, err := r.length(ctx)
	if err != nil {
		return err
	}
	if length < r.end {
		return fatal{fmt.Errorf("%w: the object is told to have %d bytes, and %d", ErrBadReply, r.end, length)}
	}
	r.end, r.sure = length, true
	return nil
}

// length asks for the length of the object.
func (r *run) length(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.StallTimeout, errStalled)
	defer cancel()
	out, err := r.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &r.bucket, Key: &r.key, VersionId: str(r.opts.VersionID), IfMatch: str(r.etag),
	}, s3reply.Guard, r.watched)
	if err != nil {
		return 0, stalled(ctx, r.refusal(s3fault.Mark(err)))
	}
	if err := r.same(aws.ToString(out.ETag)); err != nil {
		return 0, err
	}
	if out.ContentLength == nil {
		return 0, fatal{fmt.Errorf("%w: no reply tells the object's length", ErrBadReply)}
	}
	return *out.ContentLength, nil
}

// behind is for a refusal of what follows byte pos, as there is none. A body of unknown length that broke off behind its last byte is
// read on in this way, and a range that begins behind the object's end.
func (r *run) behind(ctx context.Context, refusal error) (body io.ReadCloser, upto int64, err error) {
	length, err := r.length(ctx)
	switch {
	case err != nil:
		return nil, 0, err
	case length > r.pos:
		return nil, 0, fmt.Errorf("%w: the object has %d bytes: %w", ErrBadReply, length, refusal)
	case r.bounded(), !r.some && length < r.pos:
		return nil, 0, short(length, max(r.pos, r.end))
	}
	r.some, r.end, r.sure = true, length, true
	return http.NoBody, r.pos, nil
}

// short returns the error of an object that ends before what is to be read of it.
func short(has, want int64) error {
	return fatal{stream.Mark(fmt.Errorf("the object has %d bytes, not %d: %w", has, want, io.ErrUnexpectedEOF), stream.Fatal)}
}

// refusal returns err with the sentinel that goes with it, marked fatal when asking again would not help.
func (r *run) refusal(err error) error {
	status := s3fault.Status(err)
	switch {
	case status == http.StatusNotFound:
		return fatal{fmt.Errorf("%w: %w", ErrNotFound, err)}
	case status == http.StatusPreconditionFailed:
		return fatal{fmt.Errorf("%w: %w", ErrObjectChanged, err)}
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		return err
	case status >= 400 && status < 500, !r.some:
		return fatal{err} // the SDK has asked again where it helps
	}
	return err
}

// byteRange returns a Range header for the bytes from first up to, not including, end, or to the last one when end is negative.
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

// str returns nil for "", as the SDK wants it for what is not to be sent.
func str(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}
