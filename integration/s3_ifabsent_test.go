package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

func TestUploadIfAbsent(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		for _, size := range []int{10, 2*partSize + 1} {
			key := fmt.Sprint(size)
			up := s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: partSize, IfAbsent: true})
			first, second := random()[:size], random()[size:2*size]
			if _, err := stream.Run(t.Context(), chunked(first, 1<<20), up); err != nil {
				t.Fatalf("%d bytes, the first: %v", size, err)
			}
			if _, err := stream.Run(t.Context(), chunked(second, 1<<20), up); !errors.Is(err, s3sink.ErrExists) {
				t.Errorf("%d bytes, the second: %v", size, err)
			}
			if body, _ := object(t, client, bucket, key); !bytes.Equal(body, first) {
				t.Errorf("%d bytes: the first object is gone", size)
			}
			if ids := s.Uploads(t, bucket, key); len(ids) > 0 {
				t.Errorf("%d bytes: %d uploads are pending", size, len(ids))
			}
		}
	})
}

// TestUploadIfAbsentRace uploads to one key concurrently. Exactly one upload succeeds.
func TestUploadIfAbsentRace(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		const writers = 6
		errs := make([]error, writers)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				body := random()[i*1000 : i*1000+partSize+1]
				_, errs[i] = stream.Run(t.Context(), chunked(body, 1<<20),
					s3sink.Upload(client, bucket, "k", &s3sink.UploadOptions{PartSize: partSize, IfAbsent: true}))
			})
		}
		all.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("%d and %d have both won", winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, s3sink.ErrExists) && !errors.Is(err, s3sink.ErrConflict):
				t.Errorf("writer %d: %v", i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("nobody has won: %v", errs)
		}
		if body, _ := object(t, client, bucket, "k"); !bytes.Equal(body, random()[winner*1000:winner*1000+partSize+1]) {
			t.Errorf("the object is not that of %d, who has won", winner)
		}
		if ids := s.Uploads(t, bucket, "k"); len(ids) > 0 {
			t.Errorf("%d uploads are pending", len(ids))
		}
	})
}
