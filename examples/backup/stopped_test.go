package main_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestStopped stops backups while the server does not reply to the first part.
func TestStopped(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	for _, c := range []struct {
		signal syscall.Signal
		code   int
		says   string
	}{
		{syscall.SIGTERM, 143, "stopped by SIGTERM"},
		{syscall.SIGINT, 130, "stopped by SIGINT"},
		{syscall.SIGHUP, 129, "stopped by SIGHUP"},
	} {
		t.Run(c.says, func(t *testing.T) {
			cmd, stuck := stalling(t, w, isPart)
			r := w.Wait(t, cmd, func(p *os.Process) {
				<-stuck
				_ = p.Signal(c.signal)
			})
			exectest.OneLine(t, r, c.code, c.says, "nothing was stored")
			if got := w.Stored(t); got != "" {
				t.Errorf("the bucket has %s", got)
			}
		})
	}
}

// TestFrozen reads the progress of a backup whose server accepts parts but never acknowledges them.
// The progress must not count the bytes sent as stored.
func TestFrozen(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	cmd, _ := stalling(t, w, isPart)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := ""
	for lines := bufio.NewScanner(stderr); line == "" && lines.Scan(); {
		if strings.Contains(lines.Text(), "12 documents") && strings.Contains(lines.Text(), "nothing has moved") {
			line = lines.Text()
		}
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, stderr)
	_ = cmd.Wait() // killed
	if !strings.HasPrefix(line, "backup: under way: 0 %, 12 documents, ") || !strings.Contains(line, " 0 B of ") ||
		!strings.Contains(line, " stored, 0 parts, ") {
		t.Errorf("the progress is %q", line)
	}
}

// TestSignalledTwice sends the signal twice, as timeout(1) does: to the process and at once to its
// group. The program must still abort the upload.
func TestSignalledTwice(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	cmd, stuck := stalling(t, w, isPart)
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
		time.Sleep(20 * time.Millisecond) // so that the kernel does not merge the two
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 143, "stopped by SIGTERM", "nothing was stored")
	if got := w.Stored(t); got != "" {
		t.Errorf("the bucket has %s", got)
	}
}

// TestUnclear stops a backup whose last request gets no reply. The server may still be storing the
// object.
func TestUnclear(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	cmd, stuck := stalling(t, w, func(r *http.Request) bool { return r.Method == http.MethodPut })
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 3, "stopped by SIGTERM", "whether the object was stored is unknown", "c.jsonl.gz.age",
		"before you trust it")
}

// TestUnread closes the pipe that reads a backup's messages. The backup must go on.
func TestUnread(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	cmd, stuck := stalling(t, w, isAbort)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	_ = read.Close()
	if err := cmd.Wait(); err != nil || len(stuck) > 0 {
		t.Errorf("it ended with %v", err)
	}
	if got := w.Stored(t); got != "c.jsonl.gz.age" {
		t.Errorf("the bucket has %s", got)
	}
}

// TestKilled sends a second signal to a backup that cannot abort its upload, because the server
// does not reply.
func TestKilled(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	cmd, stuck := stalling(t, w, func(r *http.Request) bool { return isPart(r) || isAbort(r) })
	r := w.Wait(t, cmd, func(p *os.Process) {
		for r := range stuck {
			_ = p.Signal(syscall.SIGTERM)
			if isAbort(r) {
				// The program ignores a second signal that follows at once, because timeout(1)
				// sends two.
				go func() {
					for p.Signal(syscall.SIGTERM) == nil {
						time.Sleep(300 * time.Millisecond)
					}
				}()
				return
			}
		}
	})
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, not by the second signal: %s", cmd.ProcessState, r.Stderr)
	}
}
