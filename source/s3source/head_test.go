package s3source_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestHeadWithoutChecksums: a service that rejects the request for checksums describes an object,
// also one in an archive, whose GET it refuses.
func TestHeadWithoutChecksums(t *testing.T) {
	for _, archived := range []bool{false, true} {
		server, client := newServer(t, &s3test.Options{Service: s3test.BackblazeB2})
		etag := server.Put(bucket, key, random(1000)).ETag
		if archived {
			server.Fault(s3test.Fault{
				Op: "GetObject", Times: always, Before: s3test.Fail(403, "InvalidObjectState"),
			})
		}
		o, err := s3source.Head(t.Context(), client, bucket, key, nil)
		if err != nil || o.ETag != etag || o.Size != 1000 {
			t.Errorf("archived: %v: %+v, %v", archived, o, err)
		}
		if n := len(server.Requests()); n > 3 {
			t.Errorf("archived: %v: %d requests", archived, n)
		}
	}
}

// TestHeadRejectedOnce: a HEAD is rejected for a moment. Its reply has no reason, so it may look
// like a rejection of the request for checksums. The checksums are compared nevertheless.
func TestHeadRejectedOnce(t *testing.T) {
	composite := written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}
	for _, status := range []int{400, 501} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1})
		composite.store(t, client, random(1000))
		rejected := s3test.Fault{Op: "HeadObject", Before: s3test.Fail(status, "RequestTimeout")}
		server.Fault(rejected)
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			Parallelism: 4, PartSize: 300, Verify: s3source.VerifyRequired,
		}))
		if err != nil || !bytes.Equal(got, random(1000)) {
			t.Errorf("%d: %d bytes, %v", status, len(got), err)
		}
		server.Fault(rejected)
		o, err := s3source.Head(t.Context(), client, bucket, key, nil)
		if err != nil || len(o.Checksums) == 0 {
			t.Errorf("%d: %+v, %v", status, o, err)
		}
	}
}

// TestHeadRejectedAlways: the service accepts GETs and rejects each HEAD. The object comes by one
// request.
func TestHeadRejectedAlways(t *testing.T) {
	server, client := newServer(t, nil)
	want := server.Put(bucket, key, random(1000)).Body
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(400, "BadRequest")})
	got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
		Parallelism: 4, PartSize: 300, Verify: s3source.VerifyRequired,
	}))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := s3source.Head(t.Context(), client, bucket, key, nil); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("Head: %v", err)
	}
}

// TestExpiredCredentials: the credentials have expired, for a moment or for long. The reply to a
// HEAD has no code, so a GET finds the reason, and each request is repeated for RetryTimeout.
func TestExpiredCredentials(t *testing.T) {
	const timeout = time.Minute
	for name, run := range expiredRuns {
		for _, outage := range []time.Duration{timeout / 2, time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				server := s3test.New(&s3test.Options{InMemory: true})
				defer server.Close()
				server.CreateBucket(bucket)
				server.Put(bucket, key, random(1000))
				client := s3fixture.NewClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
				begin := time.Now()
				expired := func(r *s3test.Request) *s3test.Reply {
					if time.Since(begin) < outage {
						return s3test.Fail(400, "ExpiredToken")(r)
					}
					return nil
				}
				if name == "length of a body" { // the first reply succeeds
					server.Fault(s3test.Fault{Op: "GetObject", After: all(without, chunked)})
				}
				server.Fault(s3test.Fault{Times: always, Before: expired})
				err := run(t, client, timeout)
				took := time.Since(begin)
				if outage < timeout && err != nil {
					t.Errorf("%s, for %v: %v after %v", name, outage, err, took)
				}
				if outage > timeout && (stream.ClassOf(err) != stream.Retryable || took > timeout*3/2) {
					t.Errorf("%s, for %v: %v after %v", name, outage, err, took)
				}
			})
		}
	}
}

// expiredRuns are the requests that begin with a HEAD, or end with one.
var expiredRuns = map[string]func(*testing.T, *s3.Client, time.Duration) error{
	"Head": func(t *testing.T, client *s3.Client, timeout time.Duration) error {
		_, err := s3source.Head(t.Context(), client, bucket, key, &s3source.HeadOptions{RetryTimeout: timeout})
		return err
	},
	"length of a body": func(t *testing.T, client *s3.Client, timeout time.Duration) error {
		_, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			RetryTimeout: timeout, Verify: s3source.VerifyLength,
		}))
		return err
	},
	"4 at a time": func(t *testing.T, client *s3.Client, timeout time.Duration) error {
		_, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			RetryTimeout: timeout, Parallelism: 4, PartSize: 300,
		}))
		return err
	},
	"4 at a time, length only": func(t *testing.T, client *s3.Client, timeout time.Duration) error {
		_, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			RetryTimeout: timeout, Parallelism: 4, PartSize: 300, Verify: s3source.VerifyLength,
		}))
		return err
	},
}
