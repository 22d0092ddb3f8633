package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millweir/millweir/internal/durable"
	"github.com/millweir/millweir/stream"
)

// makeFolders makes the folders of the object's file that do not exist. Their names are durable
// when it returns.
func (s *Store) makeFolders(key string) error {
	if err := s.exists(); s.create && errors.Is(err, fs.ErrNotExist) {
		err = s.makeFolder(s.dir)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	for _, folder := range s.folders(key) {
		if err := s.makeFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// folders returns the folders of the object's file, the outermost first.
func (s *Store) folders(key string) []string {
	var all []string
	for i := range len(key) {
		if key[i] == '/' {
			all = append(all, filepath.Join(s.dir, filepath.FromSlash(key[:i])))
		}
	}
	return all
}

// makeFolder makes the folder unless it exists. The first time, it syncs the parent in both cases:
// another process may have made the folder and not synced the parent yet.
func (s *Store) makeFolder(name string) error {
	err := os.Mkdir(name, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, ok := s.synced.Load(name); ok && err != nil {
		return nil
	}
	if err != nil && name != s.dir {
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return notFollowed(name)
		}
	}
	if err := syncFolder(filepath.Dir(name)); err != nil {
		return err
	}
	s.synced.Store(name, true)
	return nil
}

// notFollowed returns the error of a link, or a junction of Windows, under a name that a key can
// have. List does not follow it, so the objects there would seem not to exist.
func notFollowed(name string) error {
	return stream.Mark(fmt.Errorf("%s is neither a file nor a folder: no list follows a link: "+
		"put there what it leads to", name), stream.Fatal)
}

// checkFolders returns an error if a folder of the object's file is a link: List does not follow
// it.
func (s *Store) checkFolders(key string) error {
	for _, folder := range s.folders(key) {
		info, err := os.Lstat(folder)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !info.IsDir():
			return notFollowed(folder)
		}
	}
	return nil
}

// forget makes the next makeFolders sync the parents of all folders of the object again.
func (s *Store) forget(key string) {
	for _, folder := range s.folders(key) {
		s.synced.Delete(folder)
	}
}

// removeEmpty removes the folders of the object's file that are empty. It adds to changed the folder
// that each was in.
func (s *Store) removeEmpty(key string, changed map[string]bool) {
	for {
		i := strings.LastIndexByte(key, '/')
		if i < 0 {
			return
		}
		key = key[:i]
		name := filepath.Join(s.dir, filepath.FromSlash(key))
		s.synced.Delete(name)
		if os.Remove(name) != nil { // it has files
			return
		}
		delete(changed, name)
		changed[filepath.Dir(name)] = true
	}
}

func syncFolder(name string) error {
	return durable.SyncFolder(func() (*os.File, error) { return os.Open(name) })
}
