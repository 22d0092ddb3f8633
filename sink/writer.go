package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/millweir/millweir/stream"
)

// Writer returns a sink that writes its chunks to w and whose result is how many bytes w took. The caller owns w and closes it;
// a second run goes on writing where the first ended. A Write that blocks cannot be cancelled.
func Writer(w io.Writer) stream.Sink[[]byte, int64] {
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (int64, error) {
		if w == nil {
			return 0, errors.New("sink: Writer: the writer is nil")
		}
		var total int64
		err := src.Each(ctx, func(p []byte) error {
			n, err := w.Write(p)
			total += int64(n)
			if err == nil && n < len(p) {
				err = io.ErrShortWrite
			}
			if err != nil {
				return fmt.Errorf("sink: write: %w", err)
			}
			return nil
		})
		return total, err
	})
}

// File returns a sink that stores its chunks in the named file and whose result is the file's size in bytes. The file is
// written under a temporary name beside it, synced, and renamed when all is there: it appears whole, replacing an older one, or
// not at all. The temporary file is removed when the run fails. Its mode is 0600.
func File(name string) stream.Sink[[]byte, int64] {
	return stream.SinkFunc[[]byte, int64](func(ctx context.Context, src stream.Source[[]byte]) (n int64, err error) {
		f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
		if err != nil {
			return 0, fmt.Errorf("sink: file: %w", err)
		}
		done := false
		defer func() {
			if !done {
				f.Close()
				os.Remove(f.Name())
			}
		}()
		if n, err = Writer(f).Consume(ctx, src); err != nil {
			return n, err
		}
		if err = f.Sync(); err == nil {
			err = f.Close()
		}
		if err == nil {
			err = os.Rename(f.Name(), name)
		}
		if err != nil {
			return n, fmt.Errorf("sink: file: %w", err)
		}
		done = true
		return n, nil
	})
}
