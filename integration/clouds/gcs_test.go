package clouds_test

import (
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
)

// A store in Google Cloud Storage passes the suite of all stores.
func TestGCS(t *testing.T) {
	storetest.Run(t, func(t *testing.T) backup.Store {
		const name = "backups"
		server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
		bucket, err := gcsblob.OpenBucket(t.Context(), (*gcp.HTTPClient)(nil), name,
			&gcsblob.Options{Client: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		return storeIn(t, blob.PrefixedBucket(bucket, "shop/"))
	})
}
