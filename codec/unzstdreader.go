package codec

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdReader is a decoder that reports the failures of its walk as they are. It is made for one run: a decoder holds a channel, and
// one that was made in a bubble of testing/synctest must not be used in another.
type zstdReader struct {
	dec    *zstd.Decoder
	frames *frameStream
}

// newZstdReader returns a decoder of what the walk passes on.
func newZstdReader(w *frameStream, window int64) (*zstdReader, error) {
	r := &zstdReader{frames: w}
	var err error
	if r.dec, err = zstd.NewReader(w, zstdOptions(window)...); err != nil {
		return nil, r.cause(err)
	}
	return r, nil
}

// Read implements [io.Reader].
func (r *zstdReader) Read(p []byte) (int, error) {
	n, err := r.dec.Read(p)
	if err != nil {
		err = r.cause(err)
	}
	return n, err
}

// cause returns why the walk refused the stream, if it did, and err otherwise.
func (r *zstdReader) cause(err error) error {
	if r.frames.err != nil && r.frames.err != io.EOF { //nolint:errorlint // the walk's own end
		return r.frames.err
	}
	return err
}

func (r *zstdReader) release() { r.dec.Close() }
