package s3sink_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestFarUpload: an upload to a service that takes time for each request waits for nothing else.
// The parts take what Parallelism allows, and only the first and the last request come on top.
func TestFarUpload(t *testing.T) {
	const parallelism, rounds = 4, 8
	const latency, part = 10 * time.Millisecond, 94 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		server := s3test.New(&s3test.Options{InMemory: true, MinPartSize: -1})
		defer server.Close()
		server.CreateBucket(bucket)
		after := func(d time.Duration) func(*s3test.Request, *s3test.Reply) {
			return func(_ *s3test.Request, r *s3test.Reply) { r.Delay = d }
		}
		server.Fault(s3test.Fault{Op: "UploadPart", Times: always, After: after(part)})
		server.Fault(s3test.Fault{Times: always, After: after(latency)})
		client := newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
		begin := time.Now()
		_, err := stream.Run(t.Context(), chunks(random(100*parallelism*rounds), 30),
			s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{Parallelism: parallelism})))
		took, want := time.Since(begin), rounds*part+2*latency
		if err != nil || took > want {
			t.Errorf("it took %v of %v, %v", took, want, err)
		}
	})
}
