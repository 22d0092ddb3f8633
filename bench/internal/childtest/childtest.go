// Package childtest helps to test commands that start their own binary as a program.
package childtest

import (
	"os"
	"testing"

	"github.com/millweir/millweir/bench/internal/child"
)

// Main is the TestMain of a command: the test's own binary acts as the programs that the command starts.
func Main(m *testing.M, program func(role string) error) {
	if status, ok := child.Main(program); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// SetEnv sets the environment of programs that use an S3 server of the test.
func SetEnv(t *testing.T) {
	t.Helper()
	// With the race detector each program would wait a second before it exits.
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
}
