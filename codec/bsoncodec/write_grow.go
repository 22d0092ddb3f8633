package bsoncodec

import (
	"encoding/binary"
	"slices"
)

// longLine is a size in bytes. A longer line gets an estimate of all its memory at once.
const longLine = 1 << 20

// maxGrowth is the maximum number of JSON bytes for one byte of BSON: a MinKey with an empty key is
// 17 bytes for 2.
const maxGrowth = 9

// grow returns dst with capacity for n more bytes, the JSON of src up to next. A long line also
// gets capacity for the rest of src, estimated by the ratio so far, within slightly more than the
// limit of a line.
func (w *writer) grow(dst []byte, next, n int) []byte {
	if line := len(dst) - w.start + n; line > longLine {
		ratio := min(1.02*float64(line)/float64(next), maxGrowth) // with a margin, because it is an estimate
		n += min(int(ratio*float64(len(w.src)-next)), max(w.maxLine+w.maxLine/8-line, 0))
	}
	return slices.Grow(dst, n)
}

// reserve returns dst with capacity for n more bytes, the JSON of src up to next.
func (w *writer) reserve(dst []byte, next, n int) []byte {
	if cap(dst)-len(dst) < n {
		return w.grow(dst, next, n)
	}
	return dst
}

// escapedLen returns the length of text with JSON escapes.
func escapedLen(text []byte) int {
	n := len(text)
	for i := 0; i < len(text); i++ {
		if len(text)-i >= 8 && special(binary.LittleEndian.Uint64(text[i:])) == 0 {
			i += 7
			continue
		}
		switch c := text[i]; {
		case len(text)-i >= 3 && isLineSeparator(text, i):
			n += len(`\u2028`) - 3
		case c >= 0x80 || escapes[c] == 0:
		case escapes[c] == 'u':
			n += len(`\u0000`) - 1
		default:
			n += len(`\n`) - 1
		}
	}
	return n
}
