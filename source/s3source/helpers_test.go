package s3source_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/internal/s3fixture"
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
	return server, s3fixture.NewClient(server.URL)
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
