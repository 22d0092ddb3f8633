// Package inflate decodes the deflate format (RFC 1951).
//
// [Decoder] is pushed, from memory to memory: it takes what input there is, fills what room there
// is, and keeps its state for the next call. Given a whole stream and room for its content it needs
// one call. [Reader] pulls from a bufio.Reader.
//
// Both accept what compress/flate accepts and reject what it rejects.
package inflate

import (
	"compress/flate"
	"errors"
	"io"
)

// Window is how far back in the output a deflate stream may refer, in bytes.
const Window = 32 << 10

// Decoder decodes one deflate stream. The zero value is ready to use; it may not be used by two
// goroutines at once.
//
// Memory: about 22 KiB, all of it in the Decoder itself. No call allocates, save for an error.
type Decoder struct {
	// What the call works on.
	dst, src []byte
	op, ip   int // where in them

	bits  uint64 // input that was taken but not decoded, its next bit lowest; zero above nbits
	nbits uint

	step     func(*Decoder) error // what comes next; nil at the beginning
	last     bool                 // the block is the last one
	length   int                  // bytes of a match or of a stored block that are still to be copied
	distance int                  // of the match

	head    header
	lit     *litTable
	dist    *distTable
	dynamic tables

	offset int64 // of src in the stream
	err    error
}

// A step ends with one of these when it cannot go on.
var (
	errInput = errors.New("inflate: more input is wanted")
	errRoom  = errors.New("inflate: more room is wanted")
)

// Reset makes d ready for another stream.
func (d *Decoder) Reset() {
	d.bits, d.nbits, d.step, d.length, d.offset, d.err = 0, 0, nil, 0, 0, nil
}

// Decode decodes src into dst, from dst[at:] on, and returns how many bytes it wrote and how many
// it took. dst[:at] is what was decoded before: all of it, or at least the last [Window] bytes.
// final says that no input follows src.
//
//   - io.EOF: the stream has ended; what follows the nSrc bytes is not of it.
//   - nil: dst is full, or all of src is taken and more is wanted. When dst is full Decode still
//     takes the mark that ends the stream, so that a dst of exactly the right size needs one call.
//   - [io.ErrUnexpectedEOF]: all of src is taken, more is wanted, and there is none.
//   - [flate.CorruptInputError]: this is no deflate stream, which shows before that offset, in
//     bytes from the start of the stream. Its offset may differ by one from that of compress/flate.
//
// An error stays until Reset. All of dst[at:] may be written to, also beyond nDst. Neither slice is
// kept.
func (d *Decoder) Decode(dst []byte, at int, src []byte, final bool) (nDst, nSrc int, err error) {
	if d.err != nil {
		return 0, 0, d.err
	}
	d.dst, d.src, d.op, d.ip = dst, src, at, 0
	if d.step == nil {
		d.step = (*Decoder).block
	}
	for err == nil {
		err = d.step(d)
	}
	nDst, nSrc = d.op-at, d.ip
	d.dst, d.src = nil, nil
	d.offset += int64(nSrc)
	switch err { //nolint:errorlint // the steps return these themselves
	case errRoom:
		return nDst, nSrc, nil
	case errInput:
		if !final {
			return nDst, nSrc, nil
		}
		err = io.ErrUnexpectedEOF
	}
	d.err = err
	return nDst, nSrc, err
}

// corrupt returns the error for the input up to the current position.
func (d *Decoder) corrupt() error { return flate.CorruptInputError(d.offset + int64(d.ip)) }

// fill reads input until n bits are available, and reports whether they are. It reads no byte that
// is not needed: at the end of the stream less than a byte is left.
func (d *Decoder) fill(n uint) bool {
	for d.nbits < n {
		if d.ip >= len(d.src) {
			return false
		}
		d.bits |= uint64(d.src[d.ip]) << (d.nbits & 63)
		d.ip++
		d.nbits += 8
	}
	return true
}

// drop discards n bits.
func (d *Decoder) drop(n uint) {
	d.bits >>= n & 63
	d.nbits -= n
}
