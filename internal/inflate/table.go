package inflate

import "math/bits"

// An entry of a table says what the next bits of the input mean.
//
//	bits 0–5    how many bits it takes, with the extra bits that follow the code
//	bits 6–9    how many of them are the code's; of two literals, the first one's
//	bits 10–17  a literal; 18–25 the next one; 26–27 how many they are
//	bits 10–24  of a length, a distance or a code length: the number that the extra bits are added to
//	bits 10–21  of a link: where its table begins; 22–25 how many bits index it
//	bits 28–31  what it is, as below
type entry uint32

const (
	literal    entry = 1 << 31 // one literal, or two
	special    entry = 1 << 30 // none of what a table is for; alone: not a valid code
	link       entry = 1 << 29 // with special: to the table of longer codes
	endOfBlock entry = 1 << 28 // with special
	repeatZero entry = 1 << 28 // among code lengths: so many are 0
	repeatLast entry = 1 << 27 // among code lengths: so many are as the last one
)

func (e entry) total() uint { return uint(e & 63) }
func (e entry) code() uint  { return uint(e >> 6 & 15) }
func (e entry) base() int   { return int(e >> 10 & 0x7fff) }

// extra returns the value of the extra bits, when in begins with e's code.
func (e entry) extra(in uint64) int { return int(in & (1<<e.total() - 1) >> e.code()) }

// at returns where the entry is that the link e leads to, when in begins with the bits behind those
// that led to e.
func (e entry) index(in uint64) uint {
	return uint(e>>10&0xfff) + uint(in)&(1<<(e>>22&15)-1)
}

// A table is indexed by the next bits of the input, as many as its root, the first one lowest.
// Behind the entries of those indexes it has tables for codes that are longer. One that w bits
// index is for at least w+1 codes, and no code has more than 15 bits: so 286 symbols make less than
// 2,048 + 286 × 16/5 = 2,964 entries, and 30 symbols less than 256 + 30 × 128/8 = 737.
type (
	litTable  [4096]entry
	distTable [1024]entry
)

const (
	litRoot    = 11
	distRoot   = 8
	lengthRoot = 7
)

// build makes the table of a code from the lengths of its symbols' codes and from the symbols'
// entries. Like compress/flate it takes a complete code, a single code of one bit, and none at all,
// and returns false for any other.
func build(table []entry, root uint, lengths []uint8, symbols []entry) bool {
	var count [16]int
	for _, n := range lengths {
		count[n&15]++
	}
	count[0] = 0
	longest, open := uint(0), 1<<15 // of the codes of 15 bits, those that are not taken
	for n, c := range count {
		if c > 0 {
			longest = uint(n)
		}
		open -= c << (15 - n)
	}
	if open != 0 && longest != 0 && (longest != 1 || count[1] != 1) {
		return false
	}

	// The symbols in the order of their codes.
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

	// The table of codes up to n bits, twice, is the beginning of that up to n+1 bits.
	var code uint // its first bit lowest, as in the input
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
	var long []entry // the table of the longer codes that begin as the last one did
	for n := root + 1; n <= longest; n++ {
		for left := count[n]; left > 0; left-- {
			if prefix := code & (1<<root - 1); table[prefix] == special { // the first that begins so
				// Codes ascend with their lengths: those that fill what is open behind prefix come
				// next.
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

// follow returns the code of n bits after code.
func successor(code, n uint) uint {
	zero := ^code & (1<<n - 1)
	if zero == 0 {
		return 0
	}
	top := uint(1) << (bits.Len(zero) - 1)
	return code&(top-1) | top
}

// pair adds to the entries of literals the next one, where the index has all of its code too.
func pairLiterals(table *litTable) {
	for i := 1<<litRoot - 1; i >= 0; i-- { // downwards: what the entry of the next one holds is still one
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
