package sink_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A file that exists is kept, and the upstream is not run.
func TestFileIfAbsentExists(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	untouched := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		t.Error("the upstream was run")
		return nil
	})
	_, err := stream.Run(t.Context(), untouched, sink.File(name, &sink.FileOptions{IfAbsent: true}))
	if !errors.Is(err, sink.ErrExists) || !errors.Is(err, fs.ErrExist) || stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
	wantOnly(t, name, "first")
}

// One of several writers stores its file, whole. All others get ErrExists and leave nothing.
func TestFileIfAbsentRace(t *testing.T) {
	const writers = 10
	for range 20 {
		name := filepath.Join(t.TempDir(), "file")
		var begun, done sync.WaitGroup // no writer finds the file when it begins
		begun.Add(writers)
		var errs [writers]error
		for i := range writers {
			done.Go(func() {
				wait := stream.Via(text(fmt.Sprint("writer ", i)), stream.Map(func(p []byte) []byte {
					begun.Done()
					begun.Wait()
					return p
				}))
				_, errs[i] = stream.Run(t.Context(), wait, sink.File(name, &sink.FileOptions{IfAbsent: true}))
			})
		}
		done.Wait()
		winner := slices.Index(errs[:], nil)
		for i, err := range errs {
			if i != winner && !errors.Is(err, sink.ErrExists) {
				t.Errorf("writer %d: %v; the winner is %d", i, err, winner)
			}
		}
		wantOnly(t, name, fmt.Sprint("writer ", winner))
	}
}

// wantOnly checks that the folder of the named file has only this file, with this content.
func wantOnly(t *testing.T, name, content string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != content {
		t.Errorf("%q, %v, want %q", got, err, content)
	}
	if entries, err := os.ReadDir(filepath.Dir(name)); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}
