package dirstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A link under a name that a key can have is refused, because no list follows it. So is a link to a
// file, and a link to a disk that is not mounted: it would seem to be an empty folder.
func TestLinks(t *testing.T) {
	for name, make := range map[string]func(link string) error{
		"a folder": func(link string) error { return os.Symlink(t.TempDir(), link) },
		"nothing":  func(link string) error { return os.Symlink(filepath.Join(t.TempDir(), "gone"), link) },
		"a file": func(link string) error {
			file := filepath.Join(t.TempDir(), "file")
			return errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(file, link))
		},
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, "data")); err != nil {
			t.Skip("not every user may make links:", err)
		}
		s := New(dir, nil)
		_, put := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("data/a", nil))
		_, list := stream.Run(t.Context(), s.List("data/"), sink.Discard[backup.Object]())
		_, all := stream.Run(t.Context(), s.List(""), sink.Discard[backup.Object]())
		_, deleted := stream.Run(t.Context(), source.Of("data/a"), s.Delete())
		for op, err := range map[string]error{"Put": put, "List": list, "List of all": all, "Delete": deleted} {
			if err == nil || !strings.Contains(err.Error(), "no list follows a link") ||
				stream.ClassOf(err) != stream.Fatal {
				t.Errorf("a link to %s: %s: %v", name, op, err)
			}
		}
		if _, err := os.Lstat(filepath.Join(dir, "data")); err != nil {
			t.Errorf("a link to %s was removed: %v", name, err)
		}
		if _, err := stream.Run(t.Context(), s.List("backups/"), sink.Discard[backup.Object]()); err != nil {
			t.Error(err)
		}
	}
}
