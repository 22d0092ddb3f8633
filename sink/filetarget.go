package sink

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/millweir/millweir/stream"
)

// target is the file that a run of [File] stores in. All operations go through its open folder, so
// renaming the folder, or putting a link in its place, does not redirect the run.
type target struct {
	folder *os.Root
	base   string      // the name in the folder
	old    fs.FileInfo // the regular file that existed when the run began; nil if there was none
}

// openTarget opens the folder of the named file. It refuses a file that File must not replace or
// add to.
func openTarget(name string, followLinks bool) (_ target, err error) {
	if info, err := os.Lstat(name); followLinks && err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return target{}, err
		}
	}
	dir, base := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	if base == "" { // "folder/" is the folder itself
		base = "."
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return target{}, err
	}
	defer func() {
		if err != nil {
			folder.Close()
		}
	}()
	t := target{folder: folder, base: base}
	if err := t.look(name); err != nil {
		return target{}, err
	}
	return t, nil
}

// look records the existing file, or that there is none. name is for errors.
func (t *target) look(name string) error {
	old, err := t.folder.Lstat(t.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.old = nil
		return nil
	case err != nil:
		return err
	case old.Mode()&fs.ModeSymlink != 0:
		return stream.Mark(fmt.Errorf("%s is a symbolic link, which only FollowLinks follows", name), stream.Fatal)
	case !old.Mode().IsRegular():
		return stream.Mark(fmt.Errorf("%s is not a regular file, its mode is %v", name, old.Mode()), stream.Fatal)
	}
	t.old = old
	return nil
}

// perm returns the permission bits of the file that the run creates. It does not copy those of
// another user's file: in a shared folder, anyone could choose them by creating the file first.
func (t target) perm(asked fs.FileMode) fs.FileMode {
	switch {
	case asked != 0:
		return asked
	case t.old != nil && ownedByUs(t.old):
		return t.old.Mode().Perm()
	}
	return 0o600
}

// temporary returns an unpredictable name in the folder.
func (t target) temporary() string {
	const longest = 200 // bytes; a whole name has at most 255 on most systems
	return "." + strings.ToValidUTF8(t.base[:min(len(t.base), longest)], "") + "." + rand.Text()
}

// replace gives the temporary file the target's name, which another file may have.
func (t target) replace(temporary string) error { return t.folder.Rename(temporary, t.base) }

// link gives the temporary file the target's name if no file has it, in one step of the file system.
func (t target) link(temporary string) error {
	err := t.folder.Link(temporary, t.base)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrExist) && t.same(temporary): // NFS may repeat a link whose reply was lost
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w", t.base, ErrExists)
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EMLINK):
		return stream.Mark(fmt.Errorf("IfAbsent needs a file system with hard links: %w", err), stream.Fatal)
	default:
		return err
	}
	if err := t.folder.Remove(temporary); err != nil {
		return inPlace(err)
	}
	return nil
}

// same reports whether the temporary file has the target's name too.
func (t target) same(temporary string) bool {
	a, err := t.folder.Lstat(temporary)
	b, err2 := t.folder.Lstat(t.base)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// inPlace marks the error of a step after the file got its name.
func inPlace(err error) error {
	return stream.Mark(fmt.Errorf("the file is in place: %w", err), stream.UnknownOutcome)
}

// openToAppend opens the existing file, or creates one if there is none. If another process creates
// the file in between, it passes the same checks.
func (t target) openToAppend(perm fs.FileMode) (*os.File, error) {
	for {
		f, err := t.tryToAppend(perm)
		if t.old != nil || !errors.Is(err, fs.ErrExist) {
			return f, err
		}
		if err := t.look(t.base); err != nil {
			return nil, err
		}
		if t.old == nil { // gone again
			return nil, err
		}
	}
}

func (t target) tryToAppend(perm fs.FileMode) (_ *os.File, err error) {
	if err := t.refusePlanted(); err != nil {
		return nil, err
	}
	flags := os.O_WRONLY | os.O_APPEND
	if t.old == nil {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := t.folder.OpenFile(t.base, flags, perm)
	if err != nil {
		return nil, err
	}
	if t.old == nil {
		err = f.Chmod(perm)
	} else if opened, e := f.Stat(); e != nil {
		err = e
	} else if !os.SameFile(t.old, opened) {
		err = stream.Mark(fmt.Errorf("%s was replaced while it was opened", t.base), stream.Retryable)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// refusePlanted returns an error if the target is another user's file in a sticky folder such as
// /tmp: that user could read and change the added bytes.
func (t target) refusePlanted() error {
	if t.old == nil || ownedByUs(t.old) {
		return nil
	}
	folder, err := t.folder.Stat(".")
	if err == nil && folder.Mode()&fs.ModeSticky != 0 {
		err = stream.Mark(fmt.Errorf("%s belongs to another user, in a folder that is shared", t.base), stream.Fatal)
	}
	return err
}
