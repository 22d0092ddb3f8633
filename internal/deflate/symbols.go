package deflate

import "math/bits"

// symbol is one code of a block with its extra bits (RFC 1951 section 3.2.5). Bits 0 to 8 are the
// code, and the extra bits are above. The code determines how many extra bits there are. The symbol
// of a literal is the byte itself.
type symbol = uint32

const (
	extraShift = 9
	codes      = 1 << extraShift

	endOfBlock    = 256
	literalCodes  = 286
	distances     = 288 // the code of the first distance
	distanceCodes = 30
)

// extraBits is how many extra bits follow a code.
var extraBits = func() (t [codes]uint8) {
	for c := 265; c < 285; c++ {
		t[c] = uint8(c-261) / 4
	}
	for c := 4; c < distanceCodes; c++ {
		t[distances+c] = uint8(c-2) / 2
	}
	return t
}()

// lengths has the symbols of the lengths from 3 to maxMatch.
var lengths = func() (t [512]symbol) {
	n := 3
	for c := 257; c < 285; c++ {
		for x := range 1 << extraBits[c] {
			t[n] = symbol(c | x<<extraShift)
			n++
		}
	}
	t[maxMatch] = 285 // code 284 could express it too
	return t
}()

// distance returns the symbol of the distance x+1.
func distance(x uint32) symbol {
	n := uint32(bits.Len32(x|2)) - 2
	return distances + 2*n + x>>(n&31) | x&(1<<(n&31)-1)<<extraShift
}

const maxSymbols = windowSize // a power of two, and at least the symbols of a block

// symbols collects the symbols of a block.
type symbols struct {
	all [maxSymbols + loadSlack]symbol
	n   int
}

// literals appends the text between from and to. It writes up to seven symbols after those that it
// appends.
func (y *symbols) literals(w *window, from, to uint32) {
	n := y.n
	for ; from < to; from += 8 {
		v := w.load64(from)
		s := (*[8]symbol)(y.all[n&(maxSymbols-1):])
		s[0] = uint32(byte(v))
		s[1] = uint32(byte(v >> 8))
		s[2] = uint32(byte(v >> 16))
		s[3] = uint32(byte(v >> 24))
		s[4] = uint32(byte(v >> 32))
		s[5] = uint32(byte(v >> 40))
		s[6] = uint32(byte(v >> 48))
		s[7] = uint32(v >> 56)
		n += 8
	}
	y.n = n - int(from-to)
}

// match appends a match of n bytes at position s with the bytes at position c.
func (y *symbols) match(n, s, c uint32) {
	y.all[y.n&(maxSymbols-1)] = lengths[n%512]
	y.all[(y.n+1)&(maxSymbols-1)] = distance(s - c - 1)
	y.n += 2
}
