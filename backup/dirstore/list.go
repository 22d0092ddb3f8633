package dirstore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// List implements [backup.Store]. It holds the names in one folder at each level.
func (s *Store) List(prefix string) stream.Source[backup.Object] {
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		if err := s.exists(); err != nil {
			return failed("list", prefix, err)
		}
		return s.walk(ctx, "", prefix, func(key string, info fs.FileInfo) error {
			if backup.CheckKey(key) != nil || !info.Mode().IsRegular() {
				return nil
			}
			return emit(backup.Object{Key: key, Size: info.Size(), Modified: info.ModTime()})
		})
	})
}

// walk calls f for the files in the folder whose keys begin with prefix, in the order of the keys.
func (s *Store) walk(ctx context.Context, folder, prefix string, f func(key string, info fs.FileInfo) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) && folder != "" { // deleted since
		return nil
	}
	if err != nil {
		return failed("list", folder, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		key := path.Join(folder, e.Name())
		if e.IsDir() {
			if backup.CheckKey(key) != nil { // foreign, such as lost+found
				continue
			}
			if key += "/"; strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) {
				err = s.walk(ctx, key, prefix, f)
			}
		} else if strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key+"/") {
			err = s.visit(key, prefix, e, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sortName returns the name as it counts in the order of keys: a folder's ends with a slash.
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// visit calls f for a file whose key begins with prefix, unless it has been deleted. It returns an
// error for a link under a name that a key can have.
func (s *Store) visit(key, prefix string, e fs.DirEntry, f func(string, fs.FileInfo) error) error {
	if !e.Type().IsRegular() && backup.CheckKey(key) == nil {
		return failed("list", key, notFollowed(filepath.Join(s.dir, filepath.FromSlash(key))))
	}
	if !strings.HasPrefix(key, prefix) {
		return nil
	}
	info, err := e.Info()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return failed("list", key, err)
	}
	return f(key, info)
}
