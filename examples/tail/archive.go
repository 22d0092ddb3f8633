package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// archive is a folder with the stored lines.
type archive struct{ folder string }

// store writes lines to a new file.
func (a archive) store(ctx context.Context, lines []line) error {
	name := filepath.Join(a.folder, fmt.Sprintf("%020d.zst", lines[0].offset))
	text := stream.Map(func(l line) []byte { return l.text })
	file := stream.Via3(source.Slice(lines), text, codec.JoinLines(), codec.Zstd(nil))
	_, err := stream.Run(ctx, file, sink.File(name, nil))
	return err
}

func (a archive) savePosition(ctx context.Context, offset int64) error {
	text := source.Of(strconv.AppendInt(nil, offset, 10))
	_, err := stream.Run(ctx, text, sink.File(filepath.Join(a.folder, "position"), nil))
	return err
}

// position returns the saved position, or 0 if there is none yet.
func (a archive) position() (int64, error) {
	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return 0, err
	}
	name := filepath.Join(a.folder, "position")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	offset, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || offset < 0 {
		return 0, fmt.Errorf("%s holds no position but %q: choose a new folder to begin again",
			name, text[:min(len(text), 80)])
	}
	return offset, nil
}
