package integration_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
)

// Real servers keep what a store promises, with and without Object Lock.
func TestS3Store(t *testing.T) {
	eachOwnS3(t, func(t *testing.T, s *servers.S3) {
		client := s.Client(t)
		for name, lock := range map[string]bool{"plain": false, "object lock": true} {
			t.Run(name, func(t *testing.T) {
				storetest.Run(t, func(t *testing.T) backup.Store {
					return checked(t, s3store.New(client, storeBucket(t, s, client, lock), "tenants/Shop 1", nil))
				})
			})
		}
	})
}

// Long lists and large objects of real servers are complete.
func TestS3StoreLarge(t *testing.T) {
	if !long {
		t.Skip("it takes minutes: set MILLWEIR_LONG=1")
	}
	eachS3(t, func(t *testing.T, s *servers.S3) {
		storetest.RunLarge(t, func(t *testing.T) backup.Store {
			client := s.Client(t)
			return s3store.New(client, storeBucket(t, s, client, false), "", nil)
		})
	})
}

// checked returns the store if its Check finds nothing.
func checked(t *testing.T, s *s3store.Store) *s3store.Store {
	t.Helper()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// storeBucket makes a bucket that only this test uses.
func storeBucket(t *testing.T, s *servers.S3, client *s3.Client, lock bool) string {
	t.Helper()
	if !lock {
		return s.Bucket(t)
	}
	name := servers.BucketName(t)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	lockable := s3store.New(client, name, "", &s3store.Options{LockMode: s3sink.Compliance})
	if err := lockable.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return name
}
