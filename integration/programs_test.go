package integration_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programs holds millweir and the example programs. They are built when a test first needs one.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

// program returns the path of the program of that name.
func program(t testing.TB, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "millweir-programs-"); programs.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", programs.dir+string(filepath.Separator),
			"github.com/millweir/millweir/cmd/millweir", "github.com/millweir/millweir/examples/changes")
		if out, err := cmd.CombinedOutput(); err != nil {
			programs.err = errors.New(err.Error() + ": " + string(out))
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}

// child is a program that runs, or has run.
type child struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	done           chan struct{} // closed when it has ended
}

// start starts the program with the environment env added to a clean one.
func start(t testing.TB, name string, env []string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(program(t, name), args...), done: make(chan struct{})}
	c.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		_ = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
	})
	return c
}

// run starts the program and waits for its end.
func run(t testing.TB, name string, env []string, args ...string) *child {
	t.Helper()
	c := start(t, name, env, args...)
	c.wait(t)
	return c
}

// hang is longer than any program or server takes on a loaded machine.
const hang = 5 * time.Minute

// wait waits for the end of the program, and fails the test if it hangs.
func (c *child) wait(t testing.TB) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(hang):
		_ = c.cmd.Process.Kill()
		<-c.done
		t.Fatalf("%s has not ended after %v; it wrote\n%s%s", filepath.Base(c.cmd.Path), hang, c.stdout.String(),
			c.stderr.String())
	}
}

func (c *child) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (c *child) code() int { return c.cmd.ProcessState.ExitCode() }

// text returns the standard output and the standard error of the program.
func (c *child) text() string { return c.stdout.String() + c.stderr.String() }

// last returns the last line on standard error.
func (c *child) last() string {
	lines := strings.Split(strings.TrimSpace(c.stderr.String()), "\n")
	return lines[len(lines)-1]
}

// succeeded fails the test unless the program succeeded.
func (c *child) succeeded(t testing.TB) {
	t.Helper()
	if c.code() != 0 {
		t.Fatalf("exit code %d\n%s", c.code(), c.text())
	}
}

// refused fails the test unless the program ended with the exit code, and with one line that has
// its name and all words. Lines of progress and warnings may precede it.
func (c *child) refused(t testing.TB, code int, words ...string) {
	t.Helper()
	if c.code() != code {
		t.Errorf("exit code %d, want %d", c.code(), code)
	}
	line, name := c.last(), filepath.Base(c.cmd.Path)
	if !strings.HasPrefix(line, name+": ") {
		t.Errorf("the last line does not begin with %q", name+": ")
	}
	for _, w := range words {
		if !strings.Contains(strings.ToLower(line), strings.ToLower(w)) {
			t.Errorf("the last line does not say %q", w)
		}
	}
	for _, noise := range []string{"panic", "goroutine ", "0xc0", "%!"} {
		if strings.Contains(c.text(), noise) {
			t.Errorf("it says %q", noise)
		}
	}
	messages := 0
	for line := range strings.Lines(c.stderr.String()) {
		kinds := []string{"began ", "under way: ", "waiting for ", "warning: "}
		progress := slices.ContainsFunc(kinds, func(kind string) bool {
			return strings.HasPrefix(line, name+": "+kind)
		})
		if !progress {
			messages++
		}
	}
	if messages != 1 {
		t.Errorf("%d lines of messages, want one", messages)
	}
	if t.Failed() {
		t.Logf("%s wrote:\n%s", name, c.text())
	}
}
