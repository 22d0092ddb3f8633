package s3store

import (
	"context"
	"strings"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// List implements [backup.Store]. It holds one page.
func (s *Store) List(prefix string) stream.Source[backup.Object] {
	src := s3source.List(s.client, s.bucket, s.prefix+prefix, &s3source.ListOptions{
		RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry,
	})
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		if s.invalid != nil {
			return s.invalid
		}
		last := ""
		// A list that a drain has cut short would look complete.
		return src.Each(stream.WithoutDrain(ctx), func(e s3source.Entry) error {
			key := strings.TrimPrefix(e.Key, s.prefix)
			switch {
			case backup.CheckKey(key) != nil:
				return nil
			case key <= last:
				return failed("list", prefix, backup.ErrListOrder)
			}
			last = key
			return emit(backup.Object{Key: key, Size: e.Size, Modified: e.LastModified})
		})
	})
}
