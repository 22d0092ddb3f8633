package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Delete implements [backup.Store]. It removes folders that become empty. The deletions are durable
// when the run ends, also if it fails.
func (s *Store) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, err error) {
		changed := map[string]bool{} // the folders that have lost a name
		err = src.Each(ctx, func(key string) error {
			n++
			return s.remove(ctx, key, changed)
		})
		for folder := range changed {
			if e := syncFolder(folder); e != nil && !errors.Is(e, fs.ErrNotExist) { // removed since
				err = ending.Join(err, failed("delete", folder, e))
			}
		}
		return n, err
	})
}

// remove removes the file of an object, and the folders that become empty.
func (s *Store) remove(ctx context.Context, key string, changed map[string]bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	name, err := s.name(key)
	if err != nil {
		return err
	}
	if err := s.checkFolders(key); err != nil {
		return failed("delete", key, err)
	}
	switch err = os.Remove(name); {
	case errors.Is(err, fs.ErrNotExist):
		err = s.exists()
	case err == nil:
		changed[filepath.Dir(name)] = true
	}
	if err != nil {
		return failed("delete", key, err)
	}
	s.removeEmpty(key, changed)
	return nil
}
