// Package inflate decodes the deflate format (RFC 1951).
//
// [Decoder] is a push decoder from memory to memory. It reads the input that it is given, fills the
// space that it is given, and keeps its state for the next call. With a whole stream and enough
// space for the content it needs one call. [Reader] pulls its input from a bufio.Reader.
//
// Both accept and reject the same streams as compress/flate.
package inflate

import (
	"compress/flate"
	"errors"
	"io"
)

// Window is the largest distance in the output that a deflate stream may refer back to, in bytes.
const Window = 32 << 10

// Decoder decodes one deflate stream. The zero value is ready to use. A Decoder must not be used by
// several goroutines at once.
//
// Memory: about 22 KiB, all of it in the Decoder itself. Only an error allocates.
type Decoder struct {
	// The arguments of the current call.
	dst, src []byte
	op, ip   int // positions in dst and src

	bits  uint64 // input that was read but not decoded, the next bit lowest; zero above nbits
	nbits uint

	step     func(*Decoder) error // the next step; nil at the beginning
	last     bool                 // the current block is the last one
	length   int                  // bytes left to copy of a match or a stored block
	distance int                  // of the match

	head    header
	lit     *litTable
	dist    *distTable
	dynamic tables

	offset int64 // of src in the stream
	err    error
}

// A step returns one of these if it cannot continue.
var (
	errInput = errors.New("inflate: more input is wanted")
	errRoom  = errors.New("inflate: more room is wanted")
)

// Reset prepares d for another stream.
func (d *Decoder) Reset() {
	d.bits, d.nbits, d.step, d.length, d.offset, d.err = 0, 0, nil, 0, 0, nil
}

// Decode decodes src into dst[at:]. It returns how many bytes it wrote and how many it read.
// dst[:at] is the output of earlier calls: all of it, or at least the last [Window] bytes.
//
//   - io.EOF: the stream has ended. Bytes of src after nSrc do not belong to it.
//   - nil: dst is full, or Decode has read all of src and needs more. When dst is full, Decode
//     still reads the end mark, so a dst of exactly the right size needs one call.
//   - [flate.CorruptInputError]: src is not a deflate stream. The fault lies before the offset,
//     which counts from the start of the stream and may differ by one from the offset of
//     compress/flate.
//
// After an error, Decode returns the same error until Reset. It may write anywhere in dst[at:],
// also after nDst. It does not keep dst or src.
func (d *Decoder) Decode(dst []byte, at int, src []byte) (nDst, nSrc int, err error) {
	return d.decode(dst, at, src, nil)
}

// DecodeFinal works as Decode, but no input follows src. If it has read all of src and needs more,
// it returns [io.ErrUnexpectedEOF].
func (d *Decoder) DecodeFinal(dst []byte, at int, src []byte) (nDst, nSrc int, err error) {
	return d.decode(dst, at, src, io.ErrUnexpectedEOF)
}

// decode decodes src. It returns ended if it has read all of src and needs more.
func (d *Decoder) decode(dst []byte, at int, src []byte, ended error) (nDst, nSrc int, err error) {
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
		err = ended
	}
	d.err = err
	return nDst, nSrc, err
}

// corrupt returns the error for a fault before the current position.
func (d *Decoder) corrupt() error { return flate.CorruptInputError(d.offset + int64(d.ip)) }

// fill reads input until n bits are available, and reports whether they are. It reads no byte that
// it does not need: at the end of the stream, less than a byte is left.
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
