package dirstore_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// inNamespace is set in the process that may mount file systems.
const inNamespace = "MILLWEIR_TEST_MOUNTS"

// TestFileSystems uses file systems that are full or read-only. It mounts them in another process,
// and the mounts end with it.
func TestFileSystems(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		inOwnNamespace(t)
		return
	}
	t.Run("full", testFull)
	t.Run("read-only", testReadOnly)
}

// inOwnNamespace runs the test in a process whose user may mount.
func inOwnNamespace(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFileSystems$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	switch exit := new(exec.ExitError); {
	case err == nil:
	case errors.As(err, &exit):
		t.Fatalf("%s", out.String())
	default:
		t.Skip("this system does not let the user mount file systems:", err)
	}
}

// mount mounts a file system in memory.
func mount(t *testing.T, flags uintptr, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skip("cannot mount:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil { // a file that is still open would keep it
			t.Error(err)
		}
	})
	return dir
}

// wantFailure checks that err is fatal, is cause, and says what to do.
func wantFailure(t *testing.T, what string, err, cause error, words string) {
	t.Helper()
	if !errors.Is(err, cause) || stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v of the class %v", what, err, stream.ClassOf(err))
	}
}

// A Put that does not fit leaves nothing, so that a smaller one fits.
func testFull(t *testing.T) {
	dir := mount(t, 0, "size=128k")
	s := dirstore.New(dir, nil)
	large := source.Of(make([]byte, 64<<10), make([]byte, 64<<10), make([]byte, 64<<10))
	for range 3 {
		_, err := stream.Run(t.Context(), large, s.Put("data/large", nil))
		wantFailure(t, "Put", err, syscall.ENOSPC, "the disk is full: free some of it")
		wantFailure(t, "Check", s.Check(t.Context()), syscall.ENOSPC, "the disk is full")
	}
	if _, err := stream.Run(t.Context(), source.Of(make([]byte, 64<<10)), s.Put("data/small", nil)); err != nil {
		t.Error(err)
	}
	objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
	if err != nil || len(objects) != 1 || objects[0].Key != "data/small" {
		t.Errorf("%v, %v", objects, err)
	}
	if n, err := s.Sweep(t.Context(), nil); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}

// A read-only file system can be read. Every other operation fails.
func testReadOnly(t *testing.T) {
	dir := mount(t, 0, "size=1m")
	s := dirstore.New(dir, nil)
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("data/a", nil)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("cannot mount:", err)
	}
	_, put := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("data/b", nil))
	_, elsewhere := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("other/b", nil))
	_, del := stream.Run(t.Context(), source.Of("data/a"), s.Delete())
	for what, err := range map[string]error{
		"Put": put, "Put with a folder": elsewhere, "Delete": del, "Check": s.Check(t.Context()),
	} {
		wantFailure(t, what, err, syscall.EROFS, "mount it for writing")
	}
	size := sink.Fold(0, func(n int, p []byte) int { return n + len(p) })
	n, err := stream.Run(t.Context(), s.Get("data/a", nil), size)
	if n != 1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
