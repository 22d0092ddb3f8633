package source_test

import (
	"os"
	"testing"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// stdin returns [source.Stdin] of a file.
func stdin(t *testing.T, file *os.File) stream.Source[[]byte] {
	real := os.Stdin
	os.Stdin = file
	defer func() { os.Stdin = real }()
	t.Cleanup(func() { _ = file.Close() })
	return source.Stdin()
}

func TestStdinErrors(t *testing.T) {
	file, err := os.Open(t.TempDir()) // a folder cannot be read
	if err != nil {
		t.Fatal(err)
	}
	src := stdin(t, file)
	if _, err := collect(t, src); err == nil {
		t.Error("a folder was read")
	}
	if _, err := collect(t, src); err != source.ErrUsed {
		t.Errorf("the second run: %v", err)
	}
}
