package s3sink_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestQueue: parts that wait for the only connection of the HTTP client are not stalled, however
// long the wait is.
func TestQueue(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := s3test.New(&s3test.Options{InMemory: true, MinPartSize: -1, TLS: tls})
			defer server.Close()
			server.CreateBucket(bucket)
			server.HTTPClient().Transport.(*http.Transport).MaxConnsPerHost = 1
			server.Fault(s3test.Fault{Op: "UploadPart", Times: always, After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Delay = 40 * time.Second
			}})
			client := newClient(server.URL, func(o *s3.Options) {
				o.HTTPClient, o.Retryer = server.HTTPClient(), aws.NopRetryer{}
			})
			data := random(950)
			obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{Parallelism: 8})))
			if err != nil {
				t.Fatal(err)
			}
			expectStored(t, server, data, obj)
			if n := server.Count("UploadPart"); n != 10 {
				t.Errorf("%d parts were sent", n)
			}
		})
	}
}

// TestNoConnection: an attempt that gets no connection ends.
func TestNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		defer close(ended)
		client := newClient("http://s3.example", func(o *s3.Options) {
			o.HTTPClient = &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					<-ended // the transport dials on after the request has ended
					return nil, net.ErrClosed
				},
			}}
			o.Retryer = aws.NopRetryer{}
		})
		begin := time.Now()
		_, err := stream.Run(t.Context(), chunks(random(350), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if stream.ClassOf(err) != stream.Retryable || !strings.Contains(err.Error(), "no connection within 10m") {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(begin); took > 11*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
