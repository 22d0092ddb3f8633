package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	history     = 32 << 10            // largest distance of a match in bytes, RFC 1951 section 2
	blockText   = 3 * history         // bytes of text in a block: a multiple of history, to keep positions valid
	windowSize  = history + blockText // bytes in a window, a power of two
	loadSlack   = 8                   // bytes after the window that a load at its end reads
	matchMargin = 16                  // bytes at the end of the text in which no match begins

	maxMatch = 258 // bytes, RFC 1951 section 3.2.5
)

// window is the text of a block, which begins at history, after the text before it. Indexes are
// masked although they are never out of range, so that the compiler omits the bounds checks.
type window [windowSize + loadSlack]byte

func (w *window) load64(i uint32) uint64 {
	p := (*[8]byte)(w[i%windowSize:])
	return binary.LittleEndian.Uint64(p[:])
}

func (w *window) load32(i uint32) uint32 {
	p := (*[4]byte)(w[i%windowSize:])
	return binary.LittleEndian.Uint32(p[:])
}

// match returns how many bytes at s and at the earlier position c are equal, up to most. The first
// n are known to be equal.
func (w *window) match(s, c, n, most uint32) uint32 {
	for n < most {
		if x := w.load64(s+n) ^ w.load64(c+n); x != 0 {
			return min(n+uint32(bits.TrailingZeros64(x))>>3, most)
		}
		n += 8
	}
	return most
}

// before returns how many of the eight bytes before s and before c are equal.
func (w *window) before(s, c uint32) uint32 {
	return uint32(bits.LeadingZeros64(w.load64(s-8)^w.load64(c-8))) >> 3
}

// slide moves the end of a full window to its start, as the history of the next block.
func (w *window) slide() { copy(w[:history], w[blockText:windowSize]) }

const (
	tableBits = 15
	tableSize = 1 << tableBits
)

// table holds, for each hash, the lower 16 bits of the position at which the hash occurred last.
// The distance needs no more bits. Since a window slides by a multiple of history, the positions
// stay valid.
type table [tableSize]uint16

// candidate returns the position before s, at most history back, whose lower bits are p. An entry
// that was overwritten or never set yields some position too: the caller compares the text.
func candidate(s uint32, p uint16) uint32 { return s - 1 - (s-1-uint32(p))%history }

// hash returns the hash of v without its upper unused bits.
func hash(v uint64, unused uint) uint32 {
	return uint32(v<<(unused&63)*0x9E3779B185EBCA87>>(64-tableBits)) % tableSize // the golden ratio: spreads well
}
