package s3sink_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestDeleteAnsweredByProxy: a proxy answers a DELETE with 200 and a page. Nothing was deleted, and
// no upload was aborted.
func TestDeleteAnsweredByProxy(t *testing.T) {
	page := say("<html>Welcome</html>")
	for _, times := range []int{1, always} {
		server, client := newServer(t, anyParts)
		const odd = "nul\x01" // DeleteObjects cannot name it
		server.Put(bucket, odd, nil)
		server.Fault(s3test.Fault{Op: "DeleteObject", Times: times, Before: page})
		opts := &s3sink.DeleteOptions{}
		if times == always {
			opts.RetryTimeout = -1
		}
		got, err := stream.Run(t.Context(), source.Slice(ids(odd)), s3sink.Delete(client, bucket, opts))
		if left := server.Object(bucket, odd) != nil; left != (err != nil) || left != (times == always) ||
			left != (got.Deleted == 0) {
			t.Errorf("%d times: delete: %+v, %v", times, got, err)
		}

		server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: times, Before: page})
		server.Fault(s3test.Fault{Op: "UploadPart", Before: s3test.Fail(403, "AccessDenied")})
		_, err = stream.Run(t.Context(), chunks(random(350), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{AbortTimeout: 300 * time.Millisecond})))
		reported := errors.As(err, new(*s3sink.PendingError))
		if left := len(server.Uploads(bucket)) > 0; left != reported || left != (times == always) {
			t.Errorf("%d times: an upload is left: %v; it is reported: %v (%v)", times, left, reported, err)
		}
	}
	server, client := newServer(t, nil)
	b, k := bucket, key
	in := &s3.CreateMultipartUploadInput{Bucket: &b, Key: &k}
	if _, err := client.CreateMultipartUpload(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: always, Before: page})
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(-time.Hour))
	if n != 0 || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("%d uploads were aborted, %v", n, err)
	}
	server.ClearFaults()
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", After: func(_ *s3test.Request, r *s3test.Reply) {
		r.Status = 200 // as some services answer, without a body
	}})
	if n, err = s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(-time.Hour)); n != 1 || err != nil {
		t.Errorf("%d uploads were aborted, %v", n, err)
	}
}
