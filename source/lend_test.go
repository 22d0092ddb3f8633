package source_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestLent: the sources of readers lend their chunks from one memory, and emit the same bytes.
func TestLent(t *testing.T) {
	want := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(want)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, src := range map[string]stream.Source[[]byte]{
		"Reader":         source.Reader(bytes.NewReader(want)),
		"Reader, halves": source.Reader(iotest.HalfReader(bytes.NewReader(want))),
		"Open": source.Open(func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(want)), nil
		}),
		"File":             source.File(name, nil),
		"a part of a File": source.File(name, &source.FileOptions{Length: int64(len(want))}),
	} {
		var got []byte
		memories := map[*byte]bool{}
		err := stream.EachLent(t.Context(), src, func(p []byte) error {
			got = append(got, p...)
			memories[&p[0]] = true
			return nil
		})
		if err != nil || !bytes.Equal(got, want) || len(memories) != 1 {
			t.Errorf("%s: %d bytes in %d memories, %v", what, len(got), len(memories), err)
		}
	}
}
