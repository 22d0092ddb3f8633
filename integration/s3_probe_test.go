package integration_test

import (
	"errors"
	"testing"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestProbeIfAbsent: both servers refuse to replace an object, by each kind of request. A second
// probe finds the first one's object.
func TestProbeIfAbsent(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		for range 2 {
			if err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, "probe", nil); err != nil {
				t.Error(err)
			}
			if ids := s.Uploads(t, bucket, "probe"); len(ids) > 0 {
				t.Errorf("%d uploads are pending", len(ids))
			}
		}
		if _, err := stream.Run(t.Context(), chunked([]byte("x"), 1), s3sink.Upload(client, bucket, "other",
			nil)); err != nil {
			t.Fatal(err)
		}
		if err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, "other", nil); !errors.Is(err, s3sink.ErrExists) {
			t.Errorf("a key with another object: %v", err)
		}
	})
}
