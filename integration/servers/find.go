package servers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Tool returns the path of a program: the value of the environment variable env, or the program
// name on the PATH. If there is no such program, the test is skipped. With CI=true it fails.
func Tool(t testing.TB, env, name string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = name
	}
	path, err := exec.LookPath(path)
	if err == nil {
		used.add(name)
		return path
	}
	const how = `%s is not here (%v): set %s to its path or put it on the PATH; ` +
		`.ci/servers installs it: PATH="$(.ci/servers):$PATH" go test work`
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf(how, name, err, env)
	}
	skipped.add(name)
	t.Skipf(how, name, err, env)
	return ""
}

// skipped holds the missing programs for which tests were skipped, used the servers that tests ran
// against.
var skipped, used names

type names struct {
	mu    sync.Mutex
	names []string
}

func (m *names) add(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.names, name) {
		m.names = append(m.names, name)
	}
}

// report writes the names on one line, in a format. If all tests of a package pass, go test shows the
// line only with -v or without a list of packages.
func (m *names) report(w io.Writer, format string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.names) > 0 {
		slices.Sort(m.names)
		fmt.Fprintf(w, format+"\n", strings.Join(m.names, ", "))
	}
}

// appendTo appends the names to a file, one a line. An empty name of a file means none.
func (m *names) appendTo(file string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if file == "" || len(m.names) == 0 {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(strings.Join(m.names, "\n") + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

const (
	usedFormat    = "the tests ran against %s"
	skippedFormat = "skipped: the tests that need %s, for want of it on the PATH; .ci/servers installs the " +
		"servers: PATH=\"$(.ci/servers):$PATH\" go test work"
)
