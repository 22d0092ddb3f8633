//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv("TAIL_IS_THE_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// SIGTERM ends the process with exit code 0 after it has stored all lines that it read.
func TestSIGTERM(t *testing.T) {
	log, folder := filepath.Join(t.TempDir(), "app.log"), filepath.Join(t.TempDir(), "archive")
	write(t, log, "1\n2\n")
	program := exec.Command(os.Args[0], log, folder)
	program.Env = append(os.Environ(), "TAIL_IS_THE_PROGRAM=1")
	var out, messages bytes.Buffer
	program.Stdout, program.Stderr = &out, &messages
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = program.Process.Kill() })
	defer stuck.Stop()
	for ready := time.Now().Add(time.Minute); stored(t, folder) == "" && time.Now().Before(ready); {
		time.Sleep(10 * time.Millisecond)
	}
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := program.Wait(); err != nil || !strings.HasSuffix(out.String(), ": stored up to byte 4\n") {
		t.Errorf("it ended with %v, and says %q %q", err, out.String(), messages.String())
	}
	if got := stored(t, folder); got != "1\n2\n" {
		t.Errorf("%q is stored", got)
	}
}
