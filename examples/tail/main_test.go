package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The program stores lines while the log grows. A drain stores the lines that were read, and the
// next run continues after them.
func TestDrainAndGoOn(t *testing.T) {
	log, folder := filepath.Join(t.TempDir(), "app.log"), filepath.Join(t.TempDir(), "archive")
	write(t, log, "1\n2\n3")
	synctest.Test(t, func(t *testing.T) {
		ctx, sigterm := context.WithCancel(t.Context())
		done := start(t, ctx, log, folder)
		time.Sleep(3 * time.Second)
		if got := stored(t, folder); got != "1\n2\n" {
			t.Errorf("%q is stored, want the complete lines", got)
		}
		write(t, log, "3\n4\n")
		time.Sleep(pollInterval + time.Millisecond) // it has read the lines; the batch is not full
		write(t, log, "5 is unfinished")
		sigterm()
		if says, want := <-done, log+": stored up to byte 9\n"; says != want {
			t.Errorf("it says %q, want %q", says, want)
		}
		if got := stored(t, folder); got != "1\n2\n33\n4\n" {
			t.Errorf("%q is stored after the drain", got)
		}
	})
	write(t, log, " no more\n6\n")
	runBriefly(t, log, folder)
	if got := stored(t, folder); got != "1\n2\n33\n4\n5 is unfinished no more\n6\n" {
		t.Errorf("%q is stored by two runs", got)
	}
}

// If a run is killed after it stored lines and before it saved the position, the archive loses and
// repeats nothing.
func TestKilledBeforeAcknowledgement(t *testing.T) {
	log, folder := filepath.Join(t.TempDir(), "app.log"), filepath.Join(t.TempDir(), "archive")
	write(t, log, "1\n2\n")
	for range 2 {
		runBriefly(t, log, folder)
		if err := os.Remove(filepath.Join(folder, "position")); err != nil {
			t.Fatal(err)
		}
		write(t, log, "3\n")
	}
	if got := stored(t, folder); got != "1\n2\n3\n" {
		t.Errorf("%q is stored", got)
	}
}

// The position is saved only after the lines are stored.
func TestNotStored(t *testing.T) {
	log, folder := filepath.Join(t.TempDir(), "app.log"), filepath.Join(t.TempDir(), "archive")
	write(t, log, "1\n2\n")
	taken := filepath.Join(folder, fmt.Sprintf("%020d.zst", 0)) // a folder in the way of the file
	if err := os.MkdirAll(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := run(ctx, []string{log, folder}, new(strings.Builder)); err == nil {
			t.Error("the run succeeded")
		}
	})
	if _, err := os.Stat(filepath.Join(folder, "position")); err == nil {
		t.Error("the position of lines that are not stored is saved")
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct{ log, position, want string }{
		{"1\n2\n", "5", "is shorter than what was read of it"},
		{"1\n2\n", "x", `position holds no position but "x"`},
		{"1\n2\n", "-1", `position holds no position but "-1"`},
		{strings.Repeat("x", maxLine+1), "0", "the line at byte 0 is longer"},
		{"", "0", "no such file"},
	} {
		folder := t.TempDir()
		log := filepath.Join(t.TempDir(), "app.log")
		if test.log != "" {
			write(t, log, test.log)
		}
		write(t, filepath.Join(folder, "position"), test.position)
		var out strings.Builder
		err := run(t.Context(), []string{log, folder}, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("error %v, want %s; it says %q", err, test.want, out.String())
		}
		if all, _ := os.ReadDir(folder); len(all) != 1 {
			t.Errorf("%s: %d files are left, want the position", test.want, len(all))
		}
	}
}

// runBriefly runs the program for three seconds of a fake clock, and drains it.
func runBriefly(t *testing.T, log, folder string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, sigterm := context.WithCancel(t.Context())
		done := start(t, ctx, log, folder)
		time.Sleep(3 * time.Second)
		sigterm()
		<-done
	})
}

// start runs the program until ctx is done, and returns a channel with its output.
func start(t *testing.T, ctx context.Context, log, folder string) <-chan string {
	t.Helper()
	done := make(chan string, 1)
	go func() {
		var out strings.Builder
		if err := run(ctx, []string{log, folder}, &out); err != nil {
			t.Error(err)
		}
		done <- out.String()
	}()
	return done
}

// write appends text to a file.
func write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// stored returns the text of all files in the archive.
func stored(t *testing.T, folder string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.zst"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range names {
		lines := stream.Via(source.File(name, nil), codec.Unzstd(nil))
		if _, err := stream.Run(t.Context(), lines, sink.Writer(&text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return text.String()
}
