package servers

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Tool returns the path of a program: what the environment variable env says, or what the PATH has under name. Where there is
// none, the test is skipped; with CI=true it fails.
func Tool(t testing.TB, env, name string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = name
	}
	path, err := exec.LookPath(path)
	if err == nil {
		return path
	}
	const how = `%s is not here (%v): set %s to its path or put it on the PATH; .ci/servers installs it: PATH="$(.ci/servers):$PATH" go test work`
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf(how, name, err, env)
	}
	t.Skipf(how, name, err, env)
	return ""
}
