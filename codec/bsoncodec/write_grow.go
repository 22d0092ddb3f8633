package bsoncodec

import (
	"encoding/binary"
	"slices"
)

// longLine is from how many bytes on a line is given all the memory that it is likely to need at once.
const longLine = 1 << 20

// maxGrowth is how many bytes of JSON a byte of BSON becomes at most: a MinKey without a name is 17 for 2.
const maxGrowth = 9

// grow returns dst with room for n bytes, which are what src becomes up to next. That of a long line has room
// for the rest of src, too, if that becomes as long as what lies before it; and for little more than a line
// may have.
func (w *writer) grow(dst []byte, next, n int) []byte {
	if line := len(dst) - w.start + n; line > longLine {
		ratio := min(1.02*float64(line)/float64(next), maxGrowth) // a little more, for it is a guess
		n += min(int(ratio*float64(len(w.src)-next)), max(w.maxLine+w.maxLine/8-line, 0))
	}
	return slices.Grow(dst, n)
}

// escapedLen returns how long text is with the escapes of JSON.
func escapedLen(text []byte) int {
	n := len(text)
	for i := 0; i < len(text); i++ {
		if len(text)-i >= 8 && special(binary.LittleEndian.Uint64(text[i:])) == 0 {
			i += 7
			continue
		}
		switch c := text[i]; {
		case c == 0xE2 && len(text)-i >= 3 && text[i+1] == 0x80 && text[i+2]&0xFE == 0xA8: // U+2028, U+2029
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
