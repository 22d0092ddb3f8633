package s3sink_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestPendingError: the error of a run that leaves an upload behind has its id.
func TestPendingError(t *testing.T) {
	denied := s3test.Fault{Times: always, Before: s3test.Fail(403, "AccessDenied")}
	abort, head := denied, denied
	abort.Op, head.Op = "AbortMultipartUpload", "HeadObject"
	for name, faults := range map[string][]s3test.Fault{
		"the abort fails": {abort, {Op: "UploadPart", Times: always, Before: s3test.Fail(403, "AccessDenied")}},
		"the outcome is unknown": {
			abort, head, {Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
		},
	} {
		server, client := newServer(t, anyParts)
		for _, f := range faults {
			server.Fault(f)
		}
		_, err := stream.Run(t.Context(), chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{AbortTimeout: time.Second})))
		var left *s3sink.PendingError
		uploads := server.Uploads(bucket)
		if !errors.As(err, &left) || len(uploads) != 1 || left.UploadID != uploads[0] || left.Key != key {
			t.Errorf("%s: %v; %v are left", name, err, uploads)
		}
	}
}

// TestAbortSettles: without the right to read, an accepted abort proves that nothing was stored.
func TestAbortSettles(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")})
	server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop})
	_, err := stream.Run(t.Context(), chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if err == nil || errors.Is(err, s3sink.ErrOutcomeUnknown) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("the error is %v", err)
	}
	expectNothing(t, server)
}
