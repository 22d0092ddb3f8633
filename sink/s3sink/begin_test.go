package s3sink_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// slowBeginning runs test with a server that answers the request that begins an upload after d, by
// a fake clock.
func slowBeginning(t *testing.T, d time.Duration, test func(*testing.T, *s3test.Server, *s3.Client)) {
	synctest.Test(t, func(t *testing.T) {
		server := s3test.New(&s3test.Options{InMemory: true, MinPartSize: -1})
		defer server.Close()
		server.CreateBucket(bucket)
		server.Fault(s3test.Fault{Op: "CreateMultipartUpload", Times: always, After: func(_ *s3test.Request,
			r *s3test.Reply,
		) {
			r.Delay = d
		}})
		test(t, server, newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() }))
	})
}

// TestFillWhileBeginning: while the upload begins, parts are filled, but none is sent. At most
// Parallelism+1 parts are in memory.
func TestFillWhileBeginning(t *testing.T) {
	const parallelism, part, beginning = 4, 100, time.Second
	slowBeginning(t, beginning, func(t *testing.T, server *s3test.Server, client *s3.Client) {
		var read atomic.Int64
		data := random(1950)
		src := stream.Via(chunks(data, 30), stream.Map(func(p []byte) []byte {
			read.Add(int64(len(p)))
			return p
		}))
		time.AfterFunc(beginning/2, func() {
			if server.Count("UploadPart") > 0 {
				t.Error("a part was sent to an upload that had not begun")
			}
			const most = (parallelism+1)*part + 30
			if n := read.Load(); n > most || n < most-30 {
				t.Errorf("%d bytes were read while the upload began, want %d", n, most)
			}
		})
		obj, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{PartSize: part, Parallelism: parallelism})))
		if err != nil {
			t.Fatal(err)
		}
		expectStored(t, server, data, obj)
	})
}

// TestSourceFailsWhileBeginning: the source fails long before the reply with the id of the upload.
// The run waits for the reply, and aborts the upload.
func TestSourceFailsWhileBeginning(t *testing.T) {
	slowBeginning(t, 20*time.Second, func(t *testing.T, server *s3test.Server, client *s3.Client) {
		src := then(source.Of(random(250)), func(context.Context) error { return errSource })
		_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err != errSource { //nolint:errorlint // unchanged
			t.Errorf("the run ended with %v", err)
		}
		expectNothing(t, server)
		if parts, aborts := server.Count("UploadPart"), server.Count("AbortMultipartUpload"); parts > 0 || aborts == 0 {
			t.Errorf("%d parts were sent, and %d aborts", parts, aborts)
		}
	})
}
