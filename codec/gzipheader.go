package codec

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// The flags of a gzip header, RFC 1952 section 2.3.1.
const (
	gzipHeaderCRC = 1 << 1
	gzipExtra     = 1 << 2
	gzipName      = 1 << 3
	gzipComment   = 1 << 4
	gzipReserved  = 0xe0
)

// gzipMagic begins a member: the two magic numbers and the method deflate.
const gzipMagic = "\x1f\x8b\x08"

const maxGzipText = 64 << 10 // longest name or comment, in bytes

// gzipHeader holds the used fields of a header.
type gzipHeader struct {
	flags byte
	extra []byte
}

// readGzipHeader reads the header of one member. It returns io.ErrUnexpectedEOF if the header is
// truncated.
func readGzipHeader(r *bufio.Reader) (gzipHeader, error) {
	h := headerReader{r: r}
	fixed := h.next(10)
	if h.err != nil {
		return gzipHeader{}, h.err
	}
	if string(fixed[:3]) != gzipMagic || fixed[3]&gzipReserved != 0 {
		return gzipHeader{}, gzip.ErrHeader
	}
	flags := fixed[3]
	var extra []byte
	if flags&gzipExtra != 0 {
		if n := h.next(2); h.err == nil {
			extra = h.next(int(binary.LittleEndian.Uint16(n)))
		}
	}
	if flags&gzipName != 0 {
		h.text()
	}
	if flags&gzipComment != 0 {
		h.text()
	}
	if flags&gzipHeaderCRC != 0 {
		sum := uint16(h.crc)
		if got := h.next(2); h.err == nil && binary.LittleEndian.Uint16(got) != sum {
			return gzipHeader{}, gzip.ErrHeader
		}
	}
	return gzipHeader{flags, extra}, h.err
}

// headerReader reads the fields of a header until the first error.
type headerReader struct {
	r   *bufio.Reader
	crc uint32
	err error
}

// next returns the next n bytes.
func (h *headerReader) next(n int) []byte {
	if h.err != nil {
		return nil
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(h.r, p); err != nil {
		h.err = notEOF(err)
		return nil
	}
	h.crc = crc32.Update(h.crc, crc32.IEEETable, p)
	return p
}

// text skips a string that ends with a zero byte.
func (h *headerReader) text() {
	var p [1]byte
	for n := 0; h.err == nil; n++ {
		c, err := h.r.ReadByte()
		switch {
		case err != nil:
			h.err = notEOF(err)
		case n > maxGzipText:
			h.err = gzip.ErrHeader
		default:
			p[0] = c
			h.crc = crc32.Update(h.crc, crc32.IEEETable, p[:])
			if c == 0 {
				return
			}
		}
	}
}
