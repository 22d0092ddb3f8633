package blobstore_test

import (
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/blobstore"
	"github.com/millweir/millweir/backup/storetest"
)

func TestStore(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *blob.Bucket{
		"memory": func(*testing.T) *blob.Bucket { return memblob.OpenBucket(nil) },
		"files": func(t *testing.T) *blob.Bucket {
			bucket, err := fileblob.OpenBucket(t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return bucket
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) backup.Store {
				bucket := blob.PrefixedBucket(open(t), "shop/")
				t.Cleanup(func() { _ = bucket.Close() })
				return blobstore.New(bucket, nil)
			})
		})
	}
}
