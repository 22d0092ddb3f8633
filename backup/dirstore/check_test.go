package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// Check says nothing about a good directory, and leaves nothing in it.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []*Store{New(dir, nil), New(filepath.Join(dir, "new"), &Options{Create: true})} {
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if entries, err := os.ReadDir(s.dir); err != nil || len(entries) > 0 {
			t.Errorf("left %v, %v", entries, err)
		}
	}
}

// Check says what is wrong with a directory, and what to do.
func TestCheckRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(dir string) error
		link    func(_, _ string) error
		words   string
		is      error
	}{
		"missing": {prepare: os.Remove, words: "mount the disk", is: fs.ErrNotExist},
		"a file": {
			prepare: func(dir string) error { return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)) },
			words:   "choose another name",
		},
		"a link to nothing": {
			prepare: func(dir string) error { return errors.Join(os.Remove(dir), os.Symlink(dir+"2", dir)) },
			words:   "mount the disk",
		},
		"a link in it": {
			prepare: func(dir string) error { return os.Symlink(t.TempDir(), filepath.Join(dir, "data")) },
			words:   "no list follows a link",
		},
		"a link deep in it": {
			prepare: func(dir string) error {
				return errors.Join(os.Mkdir(filepath.Join(dir, "data"), 0o700),
					os.Symlink(t.TempDir(), filepath.Join(dir, "data", "x")))
			},
			words: "no list follows a link",
		},
		"no hard links": {
			link:  func(a, b string) error { return &os.LinkError{Op: "link", Old: a, New: b, Err: syscall.EPERM} },
			words: "no hard links",
		},
		"links that replace": {
			link:  func(_, _ string) error { return nil },
			words: "replaces files", is: backup.ErrUnfit,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "repo")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if test.prepare != nil {
				if err := test.prepare(dir); err != nil {
					t.Skip("not every user may make links:", err)
				}
			}
			if test.link != nil {
				link = test.link
				defer func() { link = os.Link }()
			}
			err := New(dir, nil).Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.words) || stream.ClassOf(err) != stream.Fatal {
				t.Fatalf("%v of the class %v", err, stream.ClassOf(err))
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Error(err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, probePrefix+"*")); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

// Sweep removes the folder of a killed Check, once it is old.
func TestSweepProbes(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, probePrefix+"123")
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	for _, step := range []struct {
		opts backup.SweepOptions
		want int64
	}{
		{backup.SweepOptions{}, 0},
		{backup.SweepOptions{Before: later, DryRun: true}, 1},
		{backup.SweepOptions{Before: later}, 1},
		{backup.SweepOptions{Before: later}, 0},
	} {
		if n, err := New(dir, nil).Sweep(t.Context(), &step.opts); err != nil || n != step.want {
			t.Errorf("%+v: %d, %v", step.opts, n, err)
		}
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
