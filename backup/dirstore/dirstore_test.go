package dirstore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) backup.Store { return dirstore.New(t.TempDir(), nil) })
}

// A missing directory is an error of every operation, because it may be a disk that is not mounted.
func TestMissingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	s := dirstore.New(dir, nil)
	_, put := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a/b", nil))
	_, get := stream.Run(t.Context(), s.Get("a/b", nil), sink.Discard[[]byte]())
	_, list := stream.Run(t.Context(), s.List(""), sink.Discard[backup.Object]())
	_, del := stream.Run(t.Context(), source.Of("a/b"), s.Delete())
	_, sweep := s.Sweep(t.Context(), nil)
	for name, err := range map[string]error{"Put": put, "Get": get, "List": list, "Delete": del, "Sweep": sweep} {
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, backup.ErrNotFound) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the directory was made:", err)
	}
	s = dirstore.New(dir, &dirstore.Options{Create: true})
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a/b", nil)); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a", "b")); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// Files of others are neither listed nor swept.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"README", "a b", ".git", ".a.x", "Thumbs.db", ".hidden/file"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("README", filepath.Join(dir, "LINK")); err != nil {
		t.Log(err) // not every user of Windows may make links
	}
	s := dirstore.New(dir, nil)
	objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
	if err != nil || len(objects) > 0 {
		t.Errorf("listed: %v, %v", objects, err)
	}
	if n, err := s.Sweep(t.Context(), &backup.SweepOptions{Before: time.Now().Add(time.Hour)}); n != 0 || err != nil {
		t.Errorf("%d swept, %v", n, err)
	}
}

// Sweep removes what a killed Put leaves, and only that.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := dirstore.New(dir, nil)
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("data/a.b", nil)); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "data", ".c.d.ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	for _, step := range []struct {
		opts backup.SweepOptions
		n    int64
	}{
		{backup.SweepOptions{}, 0}, // it is not a week old
		{backup.SweepOptions{Before: later, DryRun: true}, 1},
		{backup.SweepOptions{Before: later}, 1},
		{backup.SweepOptions{Before: later}, 0},
	} {
		var seen []backup.Unfinished
		step.opts.OnUnfinished = func(u backup.Unfinished) { seen = append(seen, u) }
		n, err := s.Sweep(t.Context(), &step.opts)
		if err != nil || n != step.n || len(seen) != int(n) || n > 0 && (seen[0].Key != "data/c.d" || seen[0].Size != 4) {
			t.Errorf("%+v: %d, %v, %v", step.opts, n, seen, err)
		}
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "a.b")); err != nil {
		t.Error(err)
	}
}

// A temporary file has the name that Sweep looks for.
func TestTemporaryName(t *testing.T) {
	dir := t.TempDir()
	s := dirstore.New(dir, nil)
	n := int64(0)
	during := stream.Via(source.Of([]byte("x")), stream.Map(func(p []byte) []byte {
		var err error
		n, err = s.Sweep(t.Context(), &backup.SweepOptions{Before: time.Now().Add(time.Hour), DryRun: true})
		if err != nil {
			t.Error(err)
		}
		return p
	}))
	if _, err := stream.Run(t.Context(), during, s.Put("data/x", nil)); err != nil || n != 1 {
		t.Errorf("%d files were found during a Put, %v", n, err)
	}
}
