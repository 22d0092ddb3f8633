package integration_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A locked object of a real server cannot be deleted, and the server shows its lock.
func TestObjectLock(t *testing.T) {
	eachOwnS3(t, func(t *testing.T, s *servers.S3) {
		client, bucket := s.Client(t), "locked"
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true),
		}); err != nil {
			t.Fatal(err)
		}
		until := time.Now().Add(time.Hour)
		for _, opts := range []s3sink.UploadOptions{
			{LockMode: s3sink.Governance, LockUntil: until}, {LegalHold: true}, {},
		} {
			for _, size := range []int{10, 6 << 20} {
				opts.PartSize = 5 << 20
				object, err := stream.Run(t.Context(), source.Of(make([]byte, size)),
					s3sink.Upload(client, bucket, "object", &opts))
				if err != nil {
					t.Fatal(err)
				}
				id := s3sink.ObjectID{Key: "object", VersionID: object.VersionID}
				if opts.LockMode == "" && !opts.LegalHold {
					err := s3sink.Lock(t.Context(), client, bucket, id, &s3sink.LockOptions{
						Mode: s3sink.Governance, Until: until, Hold: s3sink.SetHold,
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				_, err = stream.Run(t.Context(), source.Of(id), s3sink.Delete(client, bucket, nil))
				if !errors.As(err, new(*s3sink.DeleteError)) {
					t.Errorf("%d bytes: the locked object was deleted: %v", size, err)
				}
				err = s3sink.Lock(t.Context(), client, bucket, id, &s3sink.LockOptions{Hold: s3sink.ClearHold})
				if err != nil {
					t.Error(err)
				}
				_, err = stream.Run(t.Context(), source.Of(id), s3sink.Delete(client, bucket, &s3sink.DeleteOptions{
					BypassGovernance: true,
				}))
				if err != nil {
					t.Errorf("%d bytes: the unlocked object was not deleted: %v", size, err)
				}
			}
		}
		plain := "plain"
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &plain}); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(client, plain, "object",
			&s3sink.UploadOptions{LegalHold: true}))
		if !errors.Is(err, s3sink.ErrNoObjectLock) && !errors.Is(err, s3sink.ErrNotLocked) {
			t.Error(err)
		}
		id := s3sink.ObjectID{Key: "object"}
		if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(client, plain, "object",
			nil)); err != nil {
			t.Fatal(err)
		}
		err = s3sink.Lock(t.Context(), client, plain, id, &s3sink.LockOptions{Hold: s3sink.SetHold})
		if !errors.Is(err, s3sink.ErrNoObjectLock) {
			t.Error(err)
		}
	})
}
