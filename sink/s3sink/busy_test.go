package s3sink_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestStorm is U22: the service answers half of all requests with SlowDown. The client's own
// retries and retry tokens do not suffice.
func TestStorm(t *testing.T) {
	server, _ := newServer(t, anyParts)
	client := newClient(server.URL, func(o *s3.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff = time.Millisecond
			o.RateLimiter = ratelimit.NewTokenRateLimit(20) // tokens for four retries
		})
	})
	server.Fault(s3test.Fault{Times: always, Before: func(*s3test.Request) *s3test.Reply {
		if rand.N(2) == 0 {
			return s3test.Fail(503, "SlowDown")(nil)
		}
		return nil
	}})
	data := random(3000)
	upload := s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{Parallelism: 8, RetryTimeout: time.Minute}))
	obj, err := stream.Run(t.Context(), chunks(data, 30), upload)
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, data, obj)
}

// TestCancelInAStorm cancels while the run waits for a busy service.
func TestCancelInAStorm(t *testing.T) {
	for _, op := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		server, client := newServer(t, anyParts)
		ctx, cancel := context.WithCancelCause(t.Context())
		server.Fault(s3test.Fault{Op: op, Times: always, Before: s3test.Fail(503, "SlowDown")})
		time.AfterFunc(500*time.Millisecond, func() { cancel(errCause) })
		start := time.Now()
		_, err := stream.Run(ctx, chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{RetryTimeout: time.Minute})))
		if d := time.Since(start); !errors.Is(err, errCause) || d < 500*time.Millisecond || d > 15*time.Second {
			t.Errorf("%s: %v after %v", op, err, d)
		}
		expectNothing(t, server)
	}
}

// TestExpired is U19: the service rejects credentials that the client's cache considers valid.
func TestExpired(t *testing.T) {
	for _, size := range []int{50, 950} {
		server, _ := newServer(t, anyParts)
		var asked atomic.Int64
		cache := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			id := "OLD"
			if asked.Add(1) > 1 {
				id = "NEW"
			}
			return aws.Credentials{
				AccessKeyID: id, SecretAccessKey: "canary-secret", CanExpire: true,
				Expires: time.Now().Add(time.Hour),
			}, nil
		}))
		client := newClient(server.URL, func(o *s3.Options) { o.Credentials = cache })
		refused := 0
		server.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
			aged := r.Op == "PutObject" || r.Part > 3
			if aged && strings.Contains(r.Header.Get("Authorization"), "Credential=OLD/") {
				refused++
				return s3test.Fail(400, "ExpiredToken")(r)
			}
			return nil
		}})
		data := random(size)
		obj, err := stream.Run(t.Context(), chunks(data, 30),
			s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{Parallelism: 1})))
		if err != nil {
			t.Fatal(err)
		}
		expectStored(t, server, data, obj)
		if refused != 1 || asked.Load() != 2 {
			t.Errorf("%d bytes: %d requests were refused, the provider was asked %d times", size, refused, asked.Load())
		}
	}
}
