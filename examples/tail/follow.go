package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

const (
	pollInterval = 200 * time.Millisecond // between two reads at the end of the file
	maxLine      = 1 << 20                // bytes
)

// line is a line of the log, without its newline.
type line struct {
	offset int64 // of its first byte in the log
	text   []byte
}

// end returns the offset of the next line.
func (l line) end() int64 { return l.offset + int64(len(l.text)) + 1 }

// follow returns a source of the lines of the named file, starting at an offset. At the end of the
// file it waits for more, so it never completes. A last line without a newline waits for its
// newline.
func follow(name string, offset int64) stream.Source[line] {
	open := func(context.Context) (*follower, error) {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		f := &follower{file, bufio.NewReader(file), offset}
		if _, err = file.Seek(offset, io.SeekStart); err == nil {
			err = f.checkSize(0)
		}
		if err != nil {
			_ = file.Close()
			return nil, err
		}
		return f, nil
	}
	return source.Resource(open, (*follower).next, (*follower).close)
}

// follower reads a file that grows.
type follower struct {
	file   *os.File
	buffer *bufio.Reader
	offset int64 // of the next line
}

// next returns the next line, and waits for it until ctx is done. It never reports the end.
func (f *follower) next(ctx context.Context) (l line, ok bool, err error) {
	var text []byte
	for {
		part, err := f.buffer.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return line{}, false, fmt.Errorf("%s: the line at byte %d is longer than %d bytes: is it a log?",
				f.file.Name(), f.offset, maxLine)
		case err == nil:
			l = line{f.offset, text[:len(text)-1]}
			f.offset = l.end()
			return l, true, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case !errors.Is(err, io.EOF):
			return line{}, false, err
		}
		if err := f.checkSize(len(text)); err != nil {
			return line{}, false, err
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return line{}, false, context.Cause(ctx)
		}
	}
}

func (f *follower) close(context.Context) error { return f.file.Close() }

// checkSize returns an error if the file ends before the bytes that were read, as after a rotation.
func (f *follower) checkSize(beyond int) error {
	info, err := f.file.Stat()
	if err == nil && info.Size() < f.offset+int64(beyond) {
		err = fmt.Errorf("%s is shorter than what was read of it: it was truncated or replaced; "+
			"choose a new folder to begin again", f.file.Name())
	}
	return err
}
