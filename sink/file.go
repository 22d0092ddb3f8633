package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// FileOptions tunes [File]. The zero value is ready to use.
type FileOptions struct {
	// Append adds to the end of the file and creates it where there is none, in place of replacing it. That is not atomic: what a
	// failed run has written stays.
	Append bool

	Perm fs.FileMode // permission bits of a file that is created, whatever the umask; 0 means 0600
}

// File returns a sink that stores its chunks in the named file. Its result, beside an error too, is how many bytes it wrote.
//
// The file appears whole or not at all: it is written under a temporary name beside it, .NAME.RANDOM, synced, and renamed when
// all is there, replacing an older one; then its directory is synced. When the run fails, the temporary file is removed; only a
// process that is killed leaves it. With Append none of that holds but the sync.
//
//   - A symbolic link is followed. What is no regular file, such as a device, is refused: open it with [Create].
//   - Errors: those of package os, wrapped. When only the last step failed, the sync of the directory, the file is in place.
func File(name string, opts *FileOptions) stream.Sink[[]byte, int64] {
	o := FileOptions{}
	if opts != nil {
		o = *opts
	}
	switch {
	case name == "":
		return invalid[[]byte, int64]("File: the name is empty")
	case o.Perm&^fs.ModePerm != 0:
		return invalid[[]byte, int64]("File: the mode %v has more than permission bits", o.Perm)
	case o.Perm == 0:
		o.Perm = 0o600
	}
	store := replaceFile
	if o.Append {
		store = appendFile
	}
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (int64, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		path, exists, err := target(name)
		if err != nil {
			return 0, fmt.Errorf("sink: file: %w", err)
		}
		return store(ctx, path, exists, o.Perm, src)
	})
}

// target returns the path of the file that name stands for, and whether it exists.
func target(name string) (path string, exists bool, err error) {
	path = name
	info, err := os.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(name); err != nil {
			return "", false, err
		}
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, nil
	case err != nil:
		return "", false, err
	case !info.Mode().IsRegular():
		return "", false, stream.Mark(fmt.Errorf("%s is not a regular file, its mode is %v", name, info.Mode()), stream.Fatal)
	}
	return path, true, nil
}

// replaceFile stores src in a file that takes the place of the one at path.
func replaceFile(ctx context.Context, path string, _ bool, perm fs.FileMode, src stream.Source[[]byte]) (n int64, err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	folder, err := os.Open(dir) // now: it is needed in the end
	if err != nil {
		return 0, fmt.Errorf("sink: file: %w", err)
	}
	defer folder.Close()
	f, err := os.CreateTemp(dir, "."+base[:min(len(base), 200)]+".*") // a name has 255 bytes at most on most systems
	if err != nil {
		return 0, fmt.Errorf("sink: file: %w", err)
	}
	placed := false
	defer func() {
		if placed {
			return
		}
		f.Close()
		if e := os.Remove(f.Name()); e != nil {
			err = ending.Join(err, fmt.Errorf("sink: file: %w", e))
		}
	}()
	if n, err = write(ctx, "file", f, src); err != nil {
		return n, err
	}
	if err = f.Chmod(perm); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		placed = true
		err = syncFolder(folder)
	}
	if err != nil {
		return n, fmt.Errorf("sink: file: %w", err)
	}
	return n, nil
}

// appendFile adds src to the end of the file at path.
func appendFile(ctx context.Context, path string, exists bool, perm fs.FileMode, src stream.Source[[]byte]) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, perm)
	if err == nil && !exists {
		if err = f.Chmod(perm); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return 0, fmt.Errorf("sink: file: %w", err)
	}
	defer func() {
		if e := f.Close(); e != nil {
			err = ending.Join(err, fmt.Errorf("sink: file: %w", e))
		}
	}()
	if n, err = write(ctx, "file", f, src); err != nil {
		return n, err
	}
	if err = f.Sync(); err != nil {
		return n, fmt.Errorf("sink: file: %w", err)
	}
	return n, nil
}

// syncFolder makes a rename in an open directory last, where the system can do that.
func syncFolder(folder *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	err := folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
