//go:build unix

package main

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// catchHangup makes SIGHUP end the programs even if the test runs under nohup. A child inherits
// that a signal is ignored, but a signal that this process catches has its default effect in a
// child.
func catchHangup(t *testing.T) {
	t.Helper()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
}

// addNoise adds 12 MiB that cannot be compressed, which are more than one part of an object.
func (w *world) addNoise(t *testing.T) {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{})
	for i := range 12 {
		photo := make([]byte, 1<<20)
		_, _ = noise.Read(photo) // never fails
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "photo", Value: photo}})
		if err != nil {
			t.Fatal(err)
		}
		w.srv.Add("shop", "orders", doc)
	}
}

// stall makes the S3 server leave the requests of an operation for matching keys without a reply,
// and returns a channel of them.
func (w *world) stall(op, key string) <-chan struct{} {
	stuck, pattern := make(chan struct{}, 100), regexp.MustCompile(key)
	w.storage.Fault(s3test.Fault{Op: op, Times: -1, Before: func(r *s3test.Request) *s3test.Reply {
		if !pattern.MatchString(r.Key) {
			return nil
		}
		stuck <- struct{}{}
		return s3test.Hang(r)
	}})
	return stuck
}

// stallCommand makes the MongoDB server leave a command for a database without a reply, and returns
// a channel of them. It lets the queries for one document pass, with which a backup is planned.
func (w *world) stallCommand(command, db string) <-chan struct{} {
	stuck := make(chan struct{}, 100)
	w.srv.Inject(mongotest.Fault{Command: command, Delay: time.Hour, If: func(c mongotest.Command) bool {
		if c.DB != db || !c.Body.Lookup("limit").IsZero() {
			return false
		}
		stuck <- struct{}{}
		return true
	}})
	return stuck
}

// stopped runs the program, and sends signals to it when it has sent a request that stays without a
// reply.
func (w *world) stopped(t *testing.T, stuck <-chan struct{}, signals []syscall.Signal, args ...string) outcome {
	t.Helper()
	return w.wait(t, w.command(t, args...), func(p *os.Process, ended <-chan struct{}) {
		select {
		case <-stuck:
		case <-ended:
			t.Error("the program ended before it sent the request")
			return
		}
		for i, s := range signals {
			if i > 0 {
				time.Sleep(20 * time.Millisecond) // so that the kernel does not merge the two
			}
			_ = p.Signal(s)
		}
	})
}

// A backup that is stopped in the middle of a scan leaves no backup, and goes on where it was.
func TestBackupStopped(t *testing.T) {
	catchHangup(t)
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
			eachStore(t, func(t *testing.T, w *world) {
				w.add(t, "shop", "orders", 50)
				w.repository(t)
				o := w.stopped(t, w.stallCommand("find", "shop"), []syscall.Signal{c.signal}, w.backup()...)
				o.saysOnly(t, c.code, c.says, "no backup was made, and --resume ")
				if n := w.backups(t); n != 0 {
					t.Errorf("%d backups", n)
				}
				w.srv.Heal()
				run := regexp.MustCompile(`--resume (\S+) goes on where`).FindStringSubmatch(o.messages)
				w.must(t, w.backup("--resume", run[1])...)
				w.must(t, w.restore()...)
				w.restored(t, 50)
			})
		})
	}
}

// A backup that is stopped during an upload aborts it. timeout(1) sends its signal twice, to the
// process and at once to its group, which is the same as once.
func TestUploadStopped(t *testing.T) {
	w := newS3World(t)
	w.addNoise(t)
	w.repository(t)
	stuck := w.stall("UploadPart", "")
	o := w.stopped(t, stuck, []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, w.backup()...)
	o.saysOnly(t, 143, "stopped by SIGTERM", "no backup was made")
	if left := w.storage.Uploads(bucket); len(left) > 0 || w.backups(t) != 0 {
		t.Errorf("left are the uploads %v", left)
	}
}

// A second signal kills a program that cannot abort its upload, because the server does not reply.
func TestSecondSignal(t *testing.T) {
	w := newS3World(t)
	w.addNoise(t)
	w.repository(t)
	stuck, aborted := w.stall("UploadPart", ""), w.stall("AbortMultipartUpload", "")
	cmd := w.command(t, w.backup()...)
	o := w.wait(t, cmd, func(p *os.Process, ended <-chan struct{}) {
		select {
		case <-stuck:
		case <-ended:
			t.Error("the program ended before it sent the request")
			return
		}
		_ = p.Signal(syscall.SIGTERM)
		<-aborted
		go func() {
			for p.Signal(syscall.SIGTERM) == nil { // one that follows at once is the same signal
				time.Sleep(300 * time.Millisecond)
			}
		}()
	})
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, not by the second signal: %s", cmd.ProcessState, o.messages)
	}
	w.storage.ClearFaults()
	if n := w.backups(t); n != 0 {
		t.Errorf("%d backups", n)
	}
}

// A backup that is stopped while its last request has no reply may have been made.
func TestUnclear(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	o := w.stopped(t, w.stall("PutObject", `/backups/[^/]*\.json$`), []syscall.Signal{syscall.SIGTERM}, w.backup()...)
	o.saysOnly(t, 3, "stopped by SIGTERM", "may have been made: see millweir list")
}

// A backup goes on if the reader of its messages ends, as in: millweir backup … 2>&1 | head.
func TestUnread(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.add(t, "shop", "orders", 50)
		w.repository(t)
		cmd := w.command(t, w.backup()...)
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
		if err := cmd.Wait(); err != nil || w.backups(t) != 1 {
			t.Errorf("it ended with %v", err)
		}
	})
}

// A restore that is stopped shows nothing, and the next one ends in the same state. Documents that
// the target had before stay until then.
func TestRestoreStopped(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.add(t, "shop", "orders", 50)
		w.add(t, "back", "orders", 2)
		w.repository(t)
		w.must(t, w.backup("--include", "shop")...)
		args := w.restore("--replace")
		o := w.stopped(t, w.stallCommand("insert", "back"), []syscall.Signal{syscall.SIGTERM}, args...)
		o.saysOnly(t, 143, "stopped by SIGTERM", "what was prepared was removed, and nothing is visible")
		if n := len(w.srv.Documents("back", "orders")); n != 2 {
			t.Errorf("%d documents", n)
		}
		w.srv.Heal()
		w.must(t, args...)
		w.restored(t, 50)
	})
}

// The progress of a backup whose service accepts parts and never acknowledges them counts nothing
// as stored, and says that nothing moves.
func TestFrozen(t *testing.T) {
	t.Parallel()
	w := newS3World(t)
	w.addNoise(t)
	w.repository(t)
	w.stall("UploadPart", "")
	line := w.lineOf(t, "nothing has moved", w.backup()...)
	if !strings.HasPrefix(line, "millweir: under way: 0 documents (0 B) stored, ") {
		t.Errorf("the progress is %q", line)
	}
}

// The progress names the reason of the last retry, so that an outage of the store has a name.
func TestRetriesShown(t *testing.T) {
	t.Parallel()
	w := newS3World(t)
	w.addNoise(t)
	w.repository(t)
	w.storage.Fault(s3test.Fault{
		Op: "UploadPart", Times: -1, Before: s3test.Fail(http.StatusServiceUnavailable, "ServiceUnavailable"),
	})
	line := w.lineOf(t, "retries: ", w.backup()...)
	if !strings.Contains(line, ", the last one after: ") || !strings.Contains(line, "ServiceUnavailable") {
		t.Errorf("the progress is %q", line)
	}
}

// lineOf runs the program until it prints a line with the words, and returns that.
func (w *world) lineOf(t *testing.T, words string, args ...string) string {
	t.Helper()
	cmd := w.command(t, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := ""
	for lines := bufio.NewScanner(stderr); line == "" && lines.Scan(); {
		if strings.Contains(lines.Text(), words) {
			line = lines.Text()
		}
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, stderr)
	_ = cmd.Wait() // killed
	return line
}
