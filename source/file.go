package source

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// FileOptions tunes [File]. The zero value is ready to use.
type FileOptions struct {
	Offset    int64 // where to begin, in bytes from the start of the file
	Length    int64 // how many bytes to read; 0 means all to the end of the file
	ChunkSize int   // bytes in a chunk at most; 0 means 64 KiB
}

// File returns a source of the bytes of the named file. Every run opens and closes the file.
//
//   - Out: chunks of up to ChunkSize bytes.
//   - Memory: one chunk. With [stream.EachLent] all chunks have the same memory.
//   - Limits: a drain of the run does not end the source, because a part of the bytes would pass
//     for the whole.
//   - Special files: a symbolic link is followed. Opening a FIFO blocks until its writer opens it,
//     and cancellation does not interrupt that: use [Open].
//   - Errors: those of package os, wrapped; [io.ErrUnexpectedEOF] if the file ends before Offset,
//     or before Length bytes.
func File(name string, opts *FileOptions) stream.Source[[]byte] {
	o := FileOptions{}
	if opts != nil {
		o = *opts
	}
	switch {
	case o.Offset < 0:
		return stream.Fail[[]byte](fmt.Errorf("source: File: an offset of %d; it must not be negative", o.Offset))
	case o.Length < 0:
		return stream.Fail[[]byte](fmt.Errorf("source: File: a length of %d bytes; it must not be negative", o.Length))
	case o.ChunkSize < 0:
		return stream.Fail[[]byte](fmt.Errorf("source: File: chunks of %d bytes; it must not be negative", o.ChunkSize))
	case o.ChunkSize == 0:
		o.ChunkSize = chunkSize
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, err := openAt(name, o.Offset)
		if err != nil {
			return fmt.Errorf("source: file: %w", err)
		}
		if o.Length == 0 {
			return readAll(ctx, "file", f, f, buffer{size: o.ChunkSize, lent: lent}, emit)
		}
		part := &io.LimitedReader{R: f, N: o.Length}
		memory := buffer{size: int(min(int64(o.ChunkSize), o.Length)), lent: lent}
		err = readAll(ctx, "file", part, f, memory, emit)
		if err == nil && part.N > 0 {
			return fmt.Errorf("source: file: read %s: %d of %d bytes: %w", name, o.Length-part.N, o.Length,
				io.ErrUnexpectedEOF)
		}
		return err
	})
}

// openAt opens the named file to be read from offset.
func openAt(name string, offset int64) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil || offset == 0 {
		return f, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() < offset {
		err = fmt.Errorf("read %s: it has %d bytes, the offset is %d: %w", name, info.Size(), offset,
			io.ErrUnexpectedEOF)
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
