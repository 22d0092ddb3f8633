package inflate

import (
	"bufio"
	"io"
)

// Reader reads the content of one deflate stream. Call Reset before the first use.
//
// It reads nothing after the stream: after io.EOF the source still has the next byte. It decodes
// the buffered input first, and waits for more only if that yields no output. So data that an
// encoder flushed is available at once.
//
// Memory: about 120 KiB, all of it in the Reader itself.
type Reader struct {
	src     *bufio.Reader
	decoder Decoder
	buf     [Window + 64<<10]byte
	r, w    int // buf[r:w] is decoded and unread
	err     error
}

// Reset prepares r to read a stream from src.
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

// decode decodes the buffered input of the source, or waits for some.
func (r *Reader) decode() error {
	if r.w == len(r.buf) {
		r.w = copy(r.buf[:], r.buf[r.w-Window:])
		r.r = r.w
	}
	in, err := r.src.Peek(max(1, r.src.Buffered()))
	if len(in) == 0 && err != io.EOF { //nolint:errorlint // an io.EOF inside another error is a failure
		return err
	}
	decode := r.decoder.Decode
	if len(in) == 0 {
		decode = r.decoder.DecodeFinal
	}
	n, used, err := decode(r.buf[:], r.w, in)
	r.w += n
	_, _ = r.src.Discard(used) // cannot fail: Peek returned them
	return err
}
