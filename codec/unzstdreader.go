package codec

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdReader is a decoder that reports the errors of its frameStream unchanged. It serves one run
// and is not pooled: the decoder holds a channel, and a channel that was made in one bubble of
// testing/synctest must not be used in another.
type zstdReader struct {
	dec    *zstd.Decoder
	frames *frameStream
}

// newZstdReader returns a decoder of w.
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

// cause returns the error of the frameStream if there is one, and err otherwise.
func (r *zstdReader) cause(err error) error {
	if r.frames.err != nil && r.frames.err != io.EOF { //nolint:errorlint // the walk's own end
		return r.frames.err
	}
	return err
}

func (r *zstdReader) release() { r.dec.Close() }
