package s3store_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/s3test"
)

const bucket = "backups"

// newServer returns a server with the bucket, and a client for it.
func newServer(t *testing.T, opts *s3test.Options) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(opts)
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	return server, s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
	})
}

// Every service keeps what a store promises.
func TestStore(t *testing.T) {
	for _, service := range s3test.Services() {
		t.Run(service.String(), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) backup.Store {
				_, client := newServer(t, &s3test.Options{Service: service})
				return s3store.New(client, bucket, "tenants/Shop 1", nil)
			})
		})
	}
	for name, opts := range map[string]s3test.Options{
		"versions":    {Versioned: true},
		"object lock": {ObjectLock: true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) backup.Store {
				_, client := newServer(t, &opts)
				return s3store.New(client, bucket, "", nil)
			})
		})
	}
}
