//go:build unix

package source_test

import (
	"bytes"
	"context"
	"os"
	"syscall"
	"testing"
)

// A cancellation ends the run during a read, whether or not the system can interrupt the read. The
// bytes before it are complete.
func TestStdinCancelledDuringARead(t *testing.T) {
	for name, pipe := range map[string]func() (r, w *os.File, err error){
		"interruptible": os.Pipe,
		"blocking": func() (r, w *os.File, err error) { // as a shell makes it
			var fds [2]int
			err = syscall.Pipe(fds[:])
			return os.NewFile(uintptr(fds[0]), "read end"), os.NewFile(uintptr(fds[1]), "write end"), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }() // ends a read that is left
			data := bytes.Repeat([]byte("0123456789"), 1000)
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var got []byte
			err = stdin(t, r).Each(ctx, func(chunk []byte) error {
				got = append(got, chunk...)
				if len(got) == len(data) {
					go cancel(errTest)
				}
				return nil
			})
			if err != errTest || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}
