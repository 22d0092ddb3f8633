package s3source_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/stream"
)

const bucket, key = "backups", "dir/cookies.json.gz"

// newServer returns a server with the bucket, and the SDK's client for it, with retries that do not
// wait.
func newServer(t testing.TB, opts *s3test.Options) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(opts)
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	return server, s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "canary-secret"}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.MaxBackoff = time.Millisecond
			o.RateLimiter = ratelimit.None
		}),
	})
}

// random returns n bytes, the same in every call.
func random(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// read runs src and returns everything that it emitted.
func read(ctx context.Context, src stream.Source[[]byte]) ([]byte, error) {
	var all []byte
	err := src.Each(ctx, func(p []byte) error {
		all = append(all, p...)
		return nil
	})
	return all, err
}
