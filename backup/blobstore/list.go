package blobstore

import (
	"context"
	"io"

	"gocloud.dev/blob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// List implements [backup.Store]. It holds one page.
func (s *Store) List(prefix string) stream.Source[backup.Object] {
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		if s.invalid != nil {
			return s.invalid
		}
		last := ""
		for list := s.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
			o, err := list.Next(ctx)
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err == io.EOF: //nolint:errorlint // a connection that broke off may be an error that wraps it
				return nil
			case err != nil:
				return failed("list", prefix, err)
			case backup.CheckKey(o.Key) != nil:
				continue
			case o.Key <= last:
				return failed("list", prefix, backup.ErrListOrder)
			}
			last = o.Key
			if err := emit(backup.Object{Key: o.Key, Size: o.Size, Modified: o.ModTime}); err != nil {
				return err
			}
		}
	})
}
