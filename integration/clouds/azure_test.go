package clouds_test

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/blobstore"
	"github.com/millweir/millweir/backup/storetest"
)

// A store in Azure Blob Storage passes the suite of all stores.
func TestAzure(t *testing.T) {
	service := startAzurite(t)
	storetest.Run(t, func(t *testing.T) backup.Store {
		bucket := blob.PrefixedBucket(openAzure(t, service), "shop/")
		return unblocked{storeIn(t, bucket), bucket}
	})
}

// openAzure returns a new container of Azurite.
func openAzure(t *testing.T, service string) *blob.Bucket {
	t.Helper()
	credential, err := container.NewSharedKeyCredential(azuriteAccount, azuriteKey)
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential(service+"/"+newName(), credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	bucket, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

// storeIn returns a store in a bucket, which is closed after the test.
func storeIn(t *testing.T, bucket *blob.Bucket) *blobstore.Store {
	t.Helper()
	t.Cleanup(func() { _ = bucket.Close() })
	return blobstore.New(bucket, nil)
}
