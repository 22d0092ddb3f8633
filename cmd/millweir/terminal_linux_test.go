package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/millweir/millweir/s3test"
)

// On a terminal the program shows one live line, which the outcome replaces.
func TestTerminal(t *testing.T) {
	w := newS3World(t)
	w.addNoise(t)
	w.repository(t)
	w.storage.Fault(s3test.Fault{Op: "UploadPart", Times: -1, After: func(_ *s3test.Request, r *s3test.Reply) {
		r.Delay = time.Second // the program draws the live line several times
	}})
	terminal, written := openTerminal(t)
	cmd := w.command(t, w.backup("--consistency", "per-range")...)
	cmd.Stderr = terminal
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	_ = terminal.Close()
	got := written()
	progress := regexp.MustCompile(`\d+ documents \([\d.]+ M?i?B\) stored, [\d.]+ M?i?B/s, \d of 1 units, \ds`)
	if n := len(progress.FindAllString(got, -1)); n < 3 {
		t.Errorf("the live line was drawn %d times, want at least 3", n)
	}
	outcome := regexp.MustCompile(`millweir: made the backup \S+: 12 documents \(12 MiB\) of 1 collection, ` +
		`12 MiB stored, `)
	end := outcome.FindStringIndex(got)
	if end == nil || progress.MatchString(got[end[1]:]) {
		t.Error("the last message is not the outcome")
	}
	if strings.Contains(got, "under way") {
		t.Error("progress was logged although there is a live line")
	}
	if t.Failed() {
		t.Logf("%q", got)
	}
}

// openTerminal returns a terminal of 120 columns (pts(4)). After the terminal is closed, written
// returns its output.
func openTerminal(t *testing.T) (terminal *os.File, written func() string) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	var unlock, number int32
	size := [4]uint16{40, 120}
	for request, value := range map[uintptr]unsafe.Pointer{
		syscall.TIOCSPTLCK: unsafe.Pointer(&unlock), syscall.TIOCGPTN: unsafe.Pointer(&number),
		syscall.TIOCSWINSZ: unsafe.Pointer(&size),
	} {
		if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(value)); failed != 0 {
			t.Fatal(failed)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(screen) // the end of a terminal is an error: EIO
		text <- string(b)
	}()
	return terminal, func() string { return <-text }
}
