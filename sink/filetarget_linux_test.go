package sink

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/millweir/millweir/stream"
)

// TestAppendMeanwhile has another program change the file between its inspection and its opening.
func TestAppendMeanwhile(t *testing.T) {
	write := func(t *testing.T, name, content string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, to, name string) {
		t.Helper()
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what          string
		before, after func(t *testing.T, name string)
		content       string       // of the file afterwards; "" if the file is refused
		class         stream.Class // of the error, if it is refused
	}{
		{"nothing", nil, nil, "new", stream.Unclassified},
		{"created", nil, func(t *testing.T, name string) {
			write(t, name, "theirs")
		}, "theirsnew", stream.Unclassified},
		{"a link planted", nil, func(t *testing.T, name string) { link(t, "precious", name) }, "", stream.Fatal},
		{"a link planted that leads nowhere", nil, func(t *testing.T, name string) {
			link(t, "none", name)
		}, "", stream.Fatal},
		{"a folder", nil, func(t *testing.T, name string) {
			if err := os.Mkdir(name, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "", stream.Fatal},
		{"replaced", func(t *testing.T, name string) { write(t, name, "old") }, func(t *testing.T, name string) {
			write(t, name+".new", "other")
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}, "", stream.Retryable},
		{"replaced by a link", func(t *testing.T, name string) {
			write(t, name, "old")
		}, func(t *testing.T, name string) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			link(t, "precious", name)
		}, "", stream.Retryable},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			name, precious := filepath.Join(dir, "file"), filepath.Join(dir, "precious")
			write(t, precious, "precious")
			if c.before != nil {
				c.before(t, name)
			}
			target, err := openTarget(name, false)
			if err != nil {
				t.Fatal(err)
			}
			defer target.folder.Close()
			if c.after != nil {
				c.after(t, name)
			}
			f, err := target.openToAppend(0o600)
			if err == nil {
				_, err = io.WriteString(f, "new")
				f.Close()
			}
			if (err != nil) != (c.content == "") || err != nil && stream.ClassOf(err) != c.class {
				t.Errorf("%v, of the class %v", err, stream.ClassOf(err))
			}
			if got, err := os.ReadFile(name); c.content != "" && (err != nil || string(got) != c.content) {
				t.Errorf("the file has %q, want %q; %v", got, c.content, err)
			}
			if got, err := os.ReadFile(precious); err != nil || string(got) != "precious" {
				t.Errorf("the file beside it has %q, %v", got, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "none")); err == nil {
				t.Error("the file that the link names was created")
			}
		})
	}
}
