// Command thumbnails stores small versions of all pictures of a folder in a tar archive:
//
//	go run ./examples/thumbnails holidays thumbs.tar
//
// It reads JPEG and PNG files, and writes JPEG files of at most 200 × 200 pixels. It resizes one
// picture for each CPU at a time, and keeps them in the order of their names. The archive appears
// when it is complete. If a file is not a picture, the program names it, and leaves an older
// archive unchanged.
//
// It shows [stream.MapParallel], which keeps the order, and [stream.Concat]. The file picture.go
// decodes and resizes.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "thumbnails:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: thumbnails FOLDER ARCHIVE")
	}
	pictures, err := picturesIn(args[0])
	if err != nil {
		return err
	}
	thumbnails := stream.Via(source.Slice(pictures), stream.MapParallel(runtime.NumCPU(), thumbnail))
	end := source.Of(make([]byte, 1024)) // two blocks of zeros end a tar archive
	_, err = stream.Run(ctx, stream.Concat(thumbnails, end), sink.File(args[1], nil))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d pictures\n", args[1], len(pictures))
	return err
}

// picturesIn returns the names of the pictures in a folder, sorted.
func picturesIn(folder string) (names []string, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		switch strings.ToLower(filepath.Ext(file.Name())) {
		case ".jpg", ".jpeg", ".png":
			names = append(names, filepath.Join(folder, file.Name()))
		}
	}
	if names == nil {
		return nil, fmt.Errorf("%s has no file .jpg, .jpeg or .png", folder)
	}
	return names, nil
}

// thumbnail returns the entry of the archive for a picture.
func thumbnail(_ context.Context, name string) ([]byte, error) {
	picture, err := decode(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as a picture; mend or remove it: %w", name, err)
	}
	var small bytes.Buffer
	if err := jpeg.Encode(&small, resize(picture, 200), nil); err != nil {
		return nil, err
	}
	var entry bytes.Buffer
	w := tar.NewWriter(&entry)
	header := &tar.Header{Name: filepath.Base(name) + ".jpg", Mode: 0o600, Size: int64(small.Len())}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(small.Bytes()); err != nil {
		return nil, err
	}
	err = w.Flush() // pads the entry to whole blocks
	return entry.Bytes(), err
}
