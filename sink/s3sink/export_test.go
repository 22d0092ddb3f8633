package s3sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// UploadWithin works as [Upload], but accepts parts of one byte, and allows an object maxParts
// parts.
func UploadWithin(maxParts int, client API, bucket, key string, opts *UploadOptions) stream.Sink[[]byte, Object] {
	s, err := newSettingsWithin(limits{minPart: 1, maxPart: 1 << 30, maxParts: maxParts}, client, bucket, key, opts)
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		if err != nil {
			return Object{}, err
		}
		return s.upload(ctx, src)
	})
}
