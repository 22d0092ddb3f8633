package s3sink_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestSecondAbortFails: the object is stored, but the service hides it and accepts one abort. Only
// NoSuchUpload for a second abort proves that the first one ended the upload.
func TestSecondAbortFails(t *testing.T) {
	for name, after := range map[string]func(*s3test.Request, *s3test.Reply){
		"a reply without a checksum": func(_ *s3test.Request, r *s3test.Reply) {
			r.Body = result(`"x-1"`)
		},
		"a lost reply": s3test.Lose,
	} {
		for _, code := range []int{403, 500, 503} {
			server, client := newServer(t, anyParts)
			server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: after})
			server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop})
			server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(404, "NotFound")})
			server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Status: 204}
			}})
			server.Fault(s3test.Fault{
				Op: "AbortMultipartUpload", Times: always, Before: s3test.Fail(code, "Broken"),
			})
			_, err := stream.Run(t.Context(), chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{})))
			if server.Object(bucket, key) == nil || !errors.Is(err, s3sink.ErrOutcomeUnknown) ||
				errors.Is(err, s3sink.ErrNotStored) {
				t.Errorf("%s, %d: %v", name, code, err)
			}
		}
	}
}

// TestFailedAbortKeepsClass: a failed abort does not make an error of the source temporary.
func TestFailedAbortKeepsClass(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: always, Before: s3test.Fail(503, "SlowDown")})
	src := then(chunks(random(350), 30), func(context.Context) error { return errSource })
	_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{AbortTimeout: 200 * time.Millisecond})))
	if !errors.Is(err, errSource) || !errors.As(err, new(*s3sink.PendingError)) ||
		stream.ClassOf(err) != stream.Fatal {
		t.Errorf("%v is %v", err, stream.ClassOf(err))
	}
}

// TestUnansweredPart: an attempt of a part got no reply, and a later one is refused. The first may
// still arrive and restore the upload, so one abort is not enough.
func TestUnansweredPart(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "UploadPart", Part: 2, Before: s3test.Drop})
	server.Fault(s3test.Fault{Op: "UploadPart", Part: 2, Before: s3test.Fail(403, "AccessDenied")})
	_, err := stream.Run(t.Context(), chunks(random(350), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{Parallelism: 1})))
	if n := server.Count("AbortMultipartUpload"); !coded("AccessDenied")(err) || n != 2 {
		t.Errorf("%d aborts, %v", n, err)
	}
}
