package s3source

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3reply"
)

// checkETag returns an error if the object has an ETag and it is not etag.
func (r *run) checkETag(etag string) error {
	switch {
	case r.etag == "", etag == r.etag:
		return nil
	case etag == "":
		return fmt.Errorf("%w: the reply has no ETag, want %s", ErrBadReply, printable.Text(r.etag)) // a proxy's page
	}
	return fatal{fmt.Errorf("%w: its ETag was %s and is %s",
		ErrObjectChanged, printable.Text(r.etag), printable.Text(etag))}
}

// checkName returns an error if a reply may be of another object than the earlier ones. A reply without
// an ETag is compared by version and time, as long as no byte has been used.
func (r *run) checkName(out *s3.GetObjectOutput) error {
	etag := aws.ToString(out.ETag)
	if bothNamed := etag != "" && r.etag != ""; bothNamed || !r.nameless || r.pos != r.opts.Offset {
		return r.checkETag(etag)
	}
	version, modified := aws.ToString(out.VersionId), aws.ToTime(out.LastModified)
	switch was := &r.object; {
	case modified.IsZero() != was.LastModified.IsZero(): // a proxy's page is no other object
		return fmt.Errorf("%w: without an ETag in each reply, their times are %s and %s", ErrBadReply,
			timeText(was.LastModified), timeText(modified))
	case version != was.VersionID || !modified.Equal(was.LastModified):
		return fatal{fmt.Errorf("%w: it was version %s of %s and is version %s of %s", ErrObjectChanged,
			printable.Quote(was.VersionID), timeText(was.LastModified), printable.Quote(version), timeText(modified))}
	}
	return nil
}

// timeText returns t, or "unknown".
func timeText(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// confirmNameless sends a HEAD if the first reply has no ETag. That reply may come from a proxy and
// not from the service, so its bytes are not used, and the HEAD describes the object.
func (r *run) confirmNameless(ctx context.Context, upto int64) error {
	out, err := r.headWithChecksums(ctx)
	if err != nil {
		r.forget()
		return err
	}
	object := objectOf(r.key, out)
	switch {
	case object.ETag != "" && !s3reply.IsName(object.ETag), object.ETag == "" && object.LastModified.IsZero():
		r.forget()
		return fmt.Errorf("%w: the reply to a HEAD has no ETag and no time, or its ETag is %s", ErrBadReply,
			printable.Quote(object.ETag))
	case object.Size < 0, upto >= 0 && upto != object.Size:
		r.forget()
		return fmt.Errorf("%w: a reply without an ETag has %d bytes, and the object has %d",
			ErrBadReply, upto, object.Size)
	}
	r.object, r.askedForChecksums = object, true
	r.etag, r.end, r.lengthConfirmed = object.ETag, object.Size, true
	return nil
}

// forget returns the run to the state before its first reply, which is not used.
func (r *run) forget() {
	r.gotReply, r.nameless, r.described, r.lengthConfirmed, r.end = false, false, false, false, -1
}
