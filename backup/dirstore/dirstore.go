// Package dirstore keeps the objects of a backup repository as files in a directory.
//
//	store := dirstore.New("/srv/backups/shop", nil)
//
// The file of the object a/b is a/b in the directory. It is written under a temporary name in the
// same folder, synced, and then linked to its name, so that it appears whole and replaces nothing,
// even if the power fails. The file system must have hard links. FAT and exFAT have none.
//
// Anyone who can write to the directory can replace and delete backups. A directory cannot protect
// objects from deletion: [backup.PutOptions].RetainUntil is [backup.ErrNoHold].
package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Options tunes [New]. The zero value is ready to use.
type Options struct {
	// Create makes the directory if it does not exist, with the mode 0700. Its parent must exist.
	// By default a missing directory is an error: it may be a disk that is not mounted.
	Create bool
}

// New returns a store in the directory. Every operation opens the directory, so that it may be
// mounted later.
//
// Files get the mode 0600, and folders 0700. A killed process leaves a temporary file, which no
// List shows and [Store.Sweep] removes.
func New(dir string, opts *Options) *Store {
	s := &Store{dir: dir}
	if opts != nil {
		s.create = opts.Create
	}
	return s
}

// Store is a [backup.Store] in a directory. [New] makes one.
type Store struct {
	dir    string
	create bool
	synced sync.Map // the folders whose names are durable
}

var _ interface {
	backup.Store
	backup.Checker
	backup.Sweeper
} = (*Store)(nil)

// Get implements [backup.Store].
func (s *Store) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	o := backup.GetOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		name, err := s.name(key)
		if err != nil {
			return err
		}
		file := source.File(name, &source.FileOptions{Offset: o.Offset, Length: o.Length})
		var stopped error // the downstream's error, which is returned unchanged
		err = file.Each(ctx, func(p []byte) error {
			stopped = emit(p)
			return stopped
		})
		if err == nil || stopped != nil {
			return err
		}
		if e := s.exists(); e != nil {
			err = e
		} else if errors.Is(err, fs.ErrNotExist) {
			err = backup.ErrNotFound
		}
		return failed("get", key, err)
	})
}

// name returns the path of the object's file.
func (s *Store) name(key string) (string, error) {
	if err := backup.CheckKey(key); err != nil {
		return "", err
	}
	return filepath.Join(s.dir, filepath.FromSlash(key)), nil
}

// exists returns an error that says what to do if the directory does not exist.
func (s *Store) exists() error {
	info, err := os.Stat(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory does not exist: mount the disk, or create it: %w", err)
	case err == nil && !info.IsDir():
		return stream.Mark(fmt.Errorf("%s is a file, and no directory: choose another name", s.dir), stream.Fatal)
	}
	return err
}

// failed returns err with the operation, the key and a class. It returns nil if err is nil.
func failed(operation, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case stream.ClassOf(err) != stream.Unclassified:
	case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ETIMEDOUT):
		err = stream.Mark(err, stream.Retryable)
	default:
		err = stream.Mark(err, stream.Fatal)
	}
	return fmt.Errorf("dirstore: %s %s: %w", operation, key, advise(err))
}
