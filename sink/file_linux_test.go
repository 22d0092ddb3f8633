package sink_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

const stranger = 12345 // the id of a user who owns no file of a test by default

// save stores content under name, and returns the error of the run.
func save(t *testing.T, name, content string, opts *sink.FileOptions) error {
	t.Helper()
	_, err := stream.Run(t.Context(), text(content), sink.File(name, opts))
	return err
}

// put writes a file for a test.
func put(t *testing.T, name, content string, perm fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), perm); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, perm); err != nil {
		t.Fatal(err)
	}
}

// wantFile checks that name itself is a regular file, and has this content and mode.
func wantFile(t *testing.T, name, content string, perm fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Error(err)
		return
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != content || info.Mode() != perm {
		t.Errorf("%s has %q and the mode %v, want %q and %v; %v", name, got, info.Mode(), content, perm, err)
	}
}

// wantRefused checks that File refuses to store under name, replacing or appending, before it runs
// its upstream.
func wantRefused(t *testing.T, name string, opts sink.FileOptions) {
	t.Helper()
	untouched := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		t.Errorf("%s: the upstream was run", name)
		return nil
	})
	for _, opts.Append = range []bool{false, true} {
		if _, err := stream.Run(t.Context(), untouched, sink.File(name, &opts)); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s, append %v: %v, of the class %v", name, opts.Append, err, stream.ClassOf(err))
		}
	}
}

// File refuses a link, whatever its target, also in a folder that others can write to. The target
// does not change.
func TestFileRefusesLinks(t *testing.T) {
	for _, mode := range []fs.FileMode{0o755, 0o777 | fs.ModeSticky} {
		t.Run(mode.String(), func(t *testing.T) {
			shared, private := filepath.Join(t.TempDir(), "shared"), t.TempDir()
			if err := os.Mkdir(shared, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(shared, mode); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(private, "target")
			put(t, target, "precious", 0o640)
			links := map[string]string{
				"planted": target, "chain": "planted", "to a folder": private, "dangling": filepath.Join(private,
					"none"),
				"beside it": "ours", "loop": "loop",
			}
			put(t, filepath.Join(shared, "ours"), "ours", 0o600)
			for name, to := range links {
				name = filepath.Join(shared, name)
				if err := os.Symlink(to, name); err != nil {
					t.Fatal(err)
				}
				wantRefused(t, name, sink.FileOptions{})
				if got, err := os.Readlink(name); err != nil || got != to {
					t.Errorf("%s leads to %q now: %v", name, got, err)
				}
			}
			wantFile(t, target, "precious", 0o640)
			wantFile(t, filepath.Join(shared, "ours"), "ours", 0o600)
			if _, err := os.Lstat(filepath.Join(private, "none")); err == nil {
				t.Error("the file that the dangling link names was created")
			}
		})
	}
}

// A link that is planted during the run is itself replaced.
func TestFilePlantedMeanwhile(t *testing.T) {
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
	put(t, target, "precious", 0o640)
	name := filepath.Join(dir, "backup")
	plant := stream.Via(text("whole"), stream.Map(func(p []byte) []byte {
		if err := os.Symlink(target, name); err != nil {
			t.Error(err)
		}
		return p
	}))
	if _, err := stream.Run(t.Context(), plant, sink.File(name, nil)); err != nil {
		t.Error(err)
	}
	wantFile(t, name, "whole", 0o600)
	wantFile(t, target, "precious", 0o640)
}

// The run stays in its folder, even if the folder is renamed and a link takes its place.
func TestFileFolderMoved(t *testing.T) {
	dir := t.TempDir()
	folder, moved, elsewhere := filepath.Join(dir, "folder"), filepath.Join(dir, "moved"), t.TempDir()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	swap := stream.Via(text("whole"), stream.Map(func(p []byte) []byte {
		if err := os.Rename(folder, moved); err != nil {
			t.Error(err)
		}
		if err := os.Symlink(elsewhere, folder); err != nil {
			t.Error(err)
		}
		return p
	}))
	if _, err := stream.Run(t.Context(), swap, sink.File(filepath.Join(folder, "backup"), nil)); err != nil {
		t.Error(err)
	}
	wantFile(t, filepath.Join(moved, "backup"), "whole", 0o600)
	for _, folder := range []string{moved, elsewhere} {
		entries, err := os.ReadDir(folder)
		if want := map[bool]int{true: 1}[folder == moved]; err != nil || len(entries) != want {
			t.Errorf("%s holds %v: %v", folder, entries, err)
		}
	}
}

func TestFileFollowLinks(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	put(t, target, "old", 0o640)
	for name, to := range map[string]string{
		"link": target, "chain": "link", "dangling": "none", "loop": "loop",
		"to a folder": dir,
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := save(t, filepath.Join(dir, "chain"), "new", &sink.FileOptions{FollowLinks: true}); err != nil {
		t.Error(err)
	}
	wantFile(t, target, "new", 0o640)
	if err := save(t, filepath.Join(dir, "chain"), "er", &sink.FileOptions{
		FollowLinks: true,
		Append:      true,
	}); err != nil {
		t.Error(err)
	}
	wantFile(t, target, "newer", 0o640)
	for _, name := range []string{"chain", "link"} {
		if _, err := os.Readlink(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"dangling", "loop", "to a folder"} {
		for _, app := range []bool{false, true} {
			if err := save(t, filepath.Join(dir, name), "x", &sink.FileOptions{
				FollowLinks: true,
				Append:      app,
			}); err == nil {
				t.Errorf("%s, append %v: stored", name, app)
			}
		}
	}
}

func TestFileRefusesSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	folder, fifo, device := filepath.Join(dir, "folder"), filepath.Join(dir, "fifo"), filepath.Join(dir, "device")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{folder, folder + "/", fifo}
	if err := syscall.Mknod(device, syscall.S_IFCHR|0o600, 1<<8|3); err == nil { // as /dev/null; needs root
		names = append(names, device)
	}
	for _, name := range names {
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, name, sink.FileOptions{})
		if after, err := os.Lstat(name); err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
			t.Errorf("%s was %v, is %v: %v", name, before, after, err)
		}
	}
}

// The mode of a stored file depends on the existing file and on the options.
func TestFileModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		for name, c := range map[string]struct {
			old  fs.FileMode // 0 means no file
			opts sink.FileOptions
			want fs.FileMode
		}{
			"new":                    {0, sink.FileOptions{}, 0o600},
			"new, asked":             {0, sink.FileOptions{Perm: 0o664}, 0o664},
			"replaced, private":      {0o600, sink.FileOptions{}, 0o600},
			"replaced":               {0o644, sink.FileOptions{}, 0o644},
			"replaced, read-only":    {0o400, sink.FileOptions{}, 0o400},
			"replaced, asked":        {0o644, sink.FileOptions{Perm: 0o640}, 0o640},
			"replaced, setuid":       {0o755 | fs.ModeSetuid, sink.FileOptions{}, 0o755},
			"appended, new":          {0, sink.FileOptions{Append: true}, 0o600},
			"appended, new, asked":   {0, sink.FileOptions{Append: true, Perm: 0o664}, 0o664},
			"appended, there":        {0o644, sink.FileOptions{Append: true}, 0o644},
			"appended, there, asked": {0o644, sink.FileOptions{Append: true, Perm: 0o600}, 0o644},
		} {
			file := filepath.Join(t.TempDir(), "file")
			if c.old != 0 {
				put(t, file, "", c.old)
			}
			before := syscall.Umask(umask)
			err := save(t, file, "x", &c.opts)
			syscall.Umask(before)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if info, err := os.Lstat(file); err != nil || info.Mode() != c.want {
				t.Errorf("%s, umask %03o: the mode is %v, want %v; %v", name, umask, info.Mode(), c.want, err)
			}
		}
	}
}

// During the run, the file has an unpredictable name, and other users cannot read it.
func TestFileIsPrivateWhileItIsWritten(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	dir, seen := t.TempDir(), map[string]bool{}
	look := stream.Via(text("whole"), stream.Map(func(p []byte) []byte {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("%v, %v", entries, err)
			return p
		}
		info, err := entries[0].Info()
		name := entries[0].Name()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has the mode %v, %v", name, info.Mode(), err)
		}
		random, ok := strings.CutPrefix(name, ".backup.")
		if !ok || len(random) < 20 || seen[name] {
			t.Errorf("its name is %s", name)
		}
		seen[name] = true
		return p
	}))
	for range 3 {
		name := filepath.Join(dir, "backup")
		if _, err := stream.Run(t.Context(), look, sink.File(name, &sink.FileOptions{Perm: 0o666})); err != nil {
			t.Fatal(err)
		}
		wantFile(t, name, "whole", 0o666)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// File does not copy the mode of another user's file, and does not append to it in a sticky folder.
func TestFileOfAStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give a file to another user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "backup")
	put(t, name, "planted", 0o666)
	if err := os.Chown(name, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	if err := save(t, name, "x", &sink.FileOptions{Append: true}); stream.ClassOf(err) != stream.Fatal {
		t.Error("appended to a stranger's file:", err)
	}
	wantFile(t, name, "planted", 0o666)
	if err := save(t, name, "ours", nil); err != nil {
		t.Error(err)
	}
	wantFile(t, name, "ours", 0o600)
	if info, err := os.Lstat(name); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Error("not ours:", info, err)
	}

	// In a folder that is not shared, root adds to a user's file, and the user still owns it.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(name, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	if err := save(t, name, "+", &sink.FileOptions{Append: true}); err != nil {
		t.Error(err)
	}
	wantFile(t, name, "ours+", 0o600)
	if info, err := os.Lstat(name); err != nil || info.Sys().(*syscall.Stat_t).Uid != stranger {
		t.Error("no longer the user's:", info, err)
	}
}
