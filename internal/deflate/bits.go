package deflate

import (
	"encoding/binary"
)

// bitWriter appends bits to out, the lowest first (RFC 1951 section 3.1.1).
type bitWriter struct {
	out []byte
	acc uint64 // bits that are not in out yet; zero above bit n
	n   uint   // bits in acc; less than 8 between calls

	buf [windowSize + loadSlack]byte // the output of symbols; indexes are masked as in a window
}

// put appends the n lowest bits of v. n is at most 32; the other bits of v must be zero.
func (b *bitWriter) put(v uint32, n uint) {
	b.acc |= uint64(v) << b.n
	for b.n += n; b.n >= 8; b.n -= 8 {
		b.out = append(b.out, byte(b.acc))
		b.acc >>= 8
	}
}

// align appends zeros up to the next byte.
func (b *bitWriter) align() {
	if b.n > 0 {
		b.put(0, 8-b.n)
	}
}

// symbol appends s.
func (b *bitWriter) symbol(s symbol, entries *[codes]entry) {
	e := entries[s%codes]
	b.put(bitsOf(s, e), uint(e>>24))
}

// bitsOf returns the code and the extra bits of s.
func bitsOf(s symbol, e entry) uint32 { return e&0xffff | s>>extraShift<<(e>>16&31) }

// symbols appends ys, whose codes must fit into buf.
func (b *bitWriter) symbols(ys []symbol, entries *[codes]entry) {
	acc, n, at := b.acc, uint32(b.n), uint32(0)
	// Two symbols have at most 28 bits each, and fewer than 8 bits are pending: all fit into acc.
	for ; len(ys) >= 4; ys = ys[4:] {
		a, e := ys[0], ys[1]
		f, g := entries[a%codes], entries[e%codes]
		acc |= (uint64(bitsOf(a, f)) | uint64(bitsOf(e, g))<<(f>>24&63)) << (n & 63)
		n += f>>24 + g>>24
		binary.LittleEndian.PutUint64((*[8]byte)(b.buf[at%windowSize:])[:], acc)
		at += n >> 3
		acc >>= n & 56
		n &= 7

		a, e = ys[2], ys[3]
		f, g = entries[a%codes], entries[e%codes]
		acc |= (uint64(bitsOf(a, f)) | uint64(bitsOf(e, g))<<(f>>24&63)) << (n & 63)
		n += f>>24 + g>>24
		binary.LittleEndian.PutUint64((*[8]byte)(b.buf[at%windowSize:])[:], acc)
		at += n >> 3
		acc >>= n & 56
		n &= 7
	}
	b.out, b.acc, b.n = append(b.out, b.buf[:at]...), acc, uint(n)
	for _, y := range ys {
		b.symbol(y, entries)
	}
}
