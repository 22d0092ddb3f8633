package blobstore_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/blobstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
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
				return repeatedLists{blobstore.New(bucket, nil)}
			})
		})
	}
}

// repeatedLists is a store that repeats a list that fails because a file was deleted in the
// meantime, as those of fileblob do.
type repeatedLists struct{ backup.Store }

func (s repeatedLists) List(prefix string) stream.Source[backup.Object] {
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		for {
			all, err := stream.Run(stream.WithoutDrain(ctx), s.Store.List(prefix), sink.Slice[backup.Object]())
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return err
			}
			return source.Slice(all).Each(stream.WithoutDrain(ctx), emit)
		}
	})
}
