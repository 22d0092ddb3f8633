package inflate

import "math/bits"

// entry is an entry of a decoding table: the meaning of the next bits of the input.
//
//	bits 0–5    number of bits that it consumes, including the extra bits after the code
//	bits 6–9    number of them that are the code; for two literals, the first one's code
//	bits 10–17  a literal; 18–25 the next literal; 26–27 the number of literals
//	bits 10–24  of a length, a distance or a code length: the base, to which extra bits are added
//	bits 10–21  of a link: where its table begins; 22–25 the number of bits that index the table
//	bits 28–31  the kind, as below
type entry uint32

const (
	literal    entry = 1 << 31 // one literal, or two
	special    entry = 1 << 30 // not a symbol of the table; alone: an invalid code
	link       entry = 1 << 29 // with special: a link to the table of longer codes
	endOfBlock entry = 1 << 28 // with special
	repeatZero entry = 1 << 28 // of a code length: base + extra times the length 0
	repeatLast entry = 1 << 27 // of a code length: base + extra times the last length
)

func (e entry) total() uint { return uint(e & 63) }
func (e entry) code() uint  { return uint(e >> 6 & 15) }
func (e entry) base() int   { return int(e >> 10 & 0x7fff) }

// extra returns the value of the extra bits. in begins with the code of e.
func (e entry) extra(in uint64) int { return int(in & (1<<e.total() - 1) >> e.code()) }

// index returns the index of the entry that the link e leads to. in begins with the bits after
// those that led to e.
func (e entry) index(in uint64) uint {
	return uint(e>>10&0xfff) + uint(in)&(1<<(e>>22&15)-1)
}

// A table is indexed by the next bits of the input: the first bit is the lowest, and the number of
// bits is the root. After the root entries come the subtables for longer codes. A subtable with an
// index of w bits is for at least w+1 codes, and no code has more than 15 bits. So 286 symbols need
// less than 2,048 + 286 × 16/5 = 2,964 entries, and 30 symbols less than 256 + 30 × 128/8 = 737.
type (
	litTable  [4096]entry
	distTable [1024]entry
)

const (
	litRoot    = 11
	distRoot   = 8
	lengthRoot = 7
)

// build fills the table of a code. lengths are the code lengths of the symbols, and symbols are
// their entries. Like compress/flate it accepts a complete code, a single code of one bit, and an
// empty code. For any other it returns false.
func build(table []entry, root uint, lengths []uint8, symbols []entry) bool {
	var count [16]int
	for _, n := range lengths {
		count[n&15]++
	}
	count[0] = 0
	longest, open := uint(0), 1<<15 // free codes, counted as codes of 15 bits
	for n, c := range count {
		if c > 0 {
			longest = uint(n)
		}
		open -= c << (15 - n)
	}
	if open != 0 && longest != 0 && (longest != 1 || count[1] != 1) {
		return false
	}

	// The symbols, sorted by their codes.
	var sorted [maxLit + 2]uint16
	var place [16]int
	for n := 1; n < 15; n++ {
		place[n+1] = place[n] + count[n]
	}
	for s, n := range lengths {
		if n != 0 {
			sorted[place[n&15]] = uint16(s)
			place[n&15]++
		}
	}

	// The table of the codes up to n bits, twice, is the beginning of the table up to n+1 bits.
	var code uint // the first bit is the lowest, as in the input
	k := 0
	table[0] = special
	for n := uint(1); n <= root; n++ {
		copy(table[1<<(n-1):], table[:1<<(n-1)])
		for range count[n] {
			table[code] = symbols[sorted[k]] + entry(n*65)
			code = successor(code, n)
			k++
		}
	}
	free := 1 << root
	var long []entry // the subtable for the prefix of the last code
	for n := root + 1; n <= longest; n++ {
		for left := count[n]; left > 0; left-- {
			if prefix := code & (1<<root - 1); table[prefix] == special { // the first code with this prefix
				// Codes ascend with their lengths, so the next codes fill the free part of the
				// subtable.
				width := n - root
				for open := 1<<width - left; open > 0; {
					width++
					open = 2*open - count[root+width]
				}
				table[prefix] = special | link | entry(width<<22) | entry(free<<10)
				long = table[free : free+1<<width]
				free += 1 << width
			}
			e := symbols[sorted[k]] + entry(n*65)
			for i := code >> root; i < uint(len(long)); i += 1 << (n - root) {
				long[i] = e
			}
			code = successor(code, n)
			k++
		}
	}
	return true
}

// successor returns the code of n bits that follows code.
func successor(code, n uint) uint {
	zero := ^code & (1<<n - 1)
	if zero == 0 {
		return 0
	}
	top := uint(1) << (bits.Len(zero) - 1)
	return code&(top-1) | top
}

// pairLiterals adds the next literal to the entry of a literal, if the index contains all of its
// code.
func pairLiterals(table *litTable) {
	for i := 1<<litRoot - 1; i >= 0; i-- { // downwards: the entry of the next literal is not a pair yet
		e := table[i]
		if e&literal == 0 {
			continue
		}
		next := table[i>>e.total()]
		if n := next.total(); next&literal != 0 && e.total()+n <= litRoot {
			table[i] = e + entry(n) + next>>10&0xff<<18 + 1<<26
		}
	}
}
