package clouds_test

import (
	"context"

	"gocloud.dev/blob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// unblocked is a store in Azurite that removes the blocks of the suite's unfinished writers when they
// are in the way. Azurite refuses to store a blob while its key has such blocks, although there is no
// blob. Whether Azure does so, too, is not tested.
type unblocked struct {
	backup.Store
	bucket *blob.Bucket
}

func (s unblocked) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	put := s.Store.Put(key, opts)
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (backup.Object, error) {
			object, err := put.Consume(ctx, src)
			if key != "unfinished" || stream.ClassOf(err) != stream.Retryable {
				return object, err
			}
			if err := s.bucket.WriteAll(ctx, key, nil, nil); err != nil { // without a condition
				return object, err
			}
			if err := s.bucket.Delete(ctx, key); err != nil {
				return object, err
			}
			return put.Consume(ctx, src)
		})
}
