package inflate

import "sync"

// The table entries of the symbols, without the lengths of their codes (RFC 1951 sections 3.2.5 and
// 3.2.7).
var (
	litSymbols    = literalsAndLengths()
	distSymbols   = distances()
	lengthSymbols = codeLengths()
)

func literalsAndLengths() (s [maxLit + 2]entry) {
	for i := range 256 {
		s[i] = literal | 1<<26 | entry(i)<<10
	}
	s[256] = special | endOfBlock
	base := 3
	for i := 257; i < 285; i++ {
		extra := max(0, (i-261)/4)
		s[i] = entry(base<<10 + extra)
		base += 1 << extra
	}
	s[285] = 258 << 10
	s[286], s[287] = special, special // the fixed code has them, but they are invalid
	return s
}

func distances() (s [maxDist + 2]entry) {
	base := 1
	for i := range maxDist {
		extra := max(0, i/2-1)
		s[i] = entry(base<<10 + extra)
		base += 1 << extra
	}
	s[30], s[31] = special, special // the same for distances
	return s
}

func codeLengths() (s [19]entry) {
	for i := range 16 {
		s[i] = entry(i) << 10
	}
	s[16] = repeatLast | 3<<10 + 2
	s[17] = repeatZero | 3<<10 + 3
	s[18] = repeatZero | 11<<10 + 7
	return s
}

// tables are the decoding tables of a block.
type tables struct {
	lit  litTable
	dist distTable
}

// fixed returns the tables of the fixed codes (RFC 1951 section 3.2.6).
var fixed = sync.OnceValue(func() *tables {
	var lits [maxLit + 2]uint8
	for i := range lits {
		switch {
		case i < 144, i >= 280:
			lits[i] = 8
		case i < 256:
			lits[i] = 9
		default:
			lits[i] = 7
		}
	}
	var dists [maxDist + 2]uint8
	for i := range dists {
		dists[i] = 5
	}
	t := new(tables)
	build(t.lit[:], litRoot, lits[:], litSymbols[:])
	build(t.dist[:], distRoot, dists[:], distSymbols[:])
	pairLiterals(&t.lit)
	return t
})
