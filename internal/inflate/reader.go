package inflate

import (
	"bufio"
	"io"
)

// Reader reads what one deflate stream holds. It needs a Reset before its first use.
//
// It takes no more from its source than the stream: what follows is still there at io.EOF. It
// decodes what the source has at hand, and waits for more only when that makes nothing; so what an
// encoder flushed is read as soon as it is there.
//
// Memory: about 120 KiB, all of it in the Reader itself.
type Reader struct {
	src     *bufio.Reader
	decoder Decoder
	buf     [Window + 64<<10]byte
	r, w    int // buf[r:w] is yet to be read
	err     error
}

// Reset makes r read from src.
func (r *Reader) Reset(src *bufio.Reader) {
	r.decoder.Reset()
	r.src, r.r, r.w, r.err = src, 0, 0, nil
}

// Read implements [io.Reader]. Its errors are those of [Decoder.Decode] and of the source.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.r == r.w {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.decode()
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// decode decodes what the source has at hand.
func (r *Reader) decode() error {
	if r.w == len(r.buf) {
		r.w = copy(r.buf[:], r.buf[r.w-Window:])
		r.r = r.w
	}
	in, err := r.src.Peek(max(1, r.src.Buffered()))
	if len(in) == 0 && err != io.EOF { //nolint:errorlint // an io.EOF inside another error is a failure
		return err
	}
	n, used, err := r.decoder.Decode(r.buf[:], r.w, in, len(in) == 0)
	r.w += n
	_, _ = r.src.Discard(used) // so many are there
	return err
}
