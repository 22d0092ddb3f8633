package deflate

import (
	"math/bits"
	"slices"
)

const maxBits = 15 // longest code, RFC 1951 section 3.2.7

// entry describes a code. Bits 0 to 15 are the code, reversed as the stream stores it. Bits 16 to
// 23 are its length, and the bits above are its length with the extra bits.
type entry = uint32

// codeLengths sets lens to the lengths of the best codes of at most limit bits for symbols with the
// frequencies freq, each less than 1<<23. Symbols that do not occur get no code. A single symbol
// gets a code of one bit.
func codeLengths(freq []uint32, lens []uint8, limit int) {
	var room [literalCodes]uint32
	keys := room[:0]
	for i, f := range freq {
		lens[i] = 0
		if f > 0 {
			keys = append(keys, f<<extraShift|uint32(i))
		}
	}
	if len(keys) < 2 {
		for _, k := range keys {
			lens[k%codes] = 1
		}
		return
	}
	slices.Sort(keys)
	count := countLengths(keys, limit)
	for n := limit; n > 0; n-- { // the rarest have the longest
		for _, k := range keys[:count[n]] {
			lens[k%codes] = uint8(n)
		}
		keys = keys[count[n]:]
	}
}

// countLengths returns how many of the best codes have each length. The upper bits of keys are the
// frequencies, in ascending order.
func countLengths(keys []uint32, limit int) (count [maxBits + 1]int) {
	var tree [literalCodes]uint32
	depths := innerDepths(&tree, keys)
	// Each node at a depth is either an inner node or a symbol.
	inner, nodes := len(depths), 1
	for depth := 0; nodes > 0; depth++ {
		parents := 0
		for inner > 0 && int(depths[inner-1]) == depth {
			parents++
			inner--
		}
		count[min(depth, limit)] += nodes - parents
		nodes = 2 * parents
	}
	// Cutting codes to the limit makes the code oversubscribed. Until it fits, move one code of
	// limit bits next to the longest shorter code, which becomes one bit longer.
	taken := 0
	for n, c := range count[:limit+1] {
		taken += c << (limit - n)
	}
	for ; taken > 1<<limit; taken-- {
		n := limit - 1
		for count[n] == 0 {
			n--
		}
		count[limit]--
		count[n]--
		count[n+1] += 2
	}
	return count
}

// innerDepths returns the depths of the inner nodes of the Huffman tree, the deepest first. It
// builds the tree in one array. Frequencies of inner nodes replace those of joined nodes, and
// indexes of parents replace the frequencies of inner nodes: Moffat and Katajainen, In-Place
// Calculation of Minimum-Redundancy Codes, 1995.
func innerDepths(tree *[literalCodes]uint32, keys []uint32) []uint32 {
	a := tree[:len(keys)]
	for i, k := range keys {
		a[i] = k >> extraShift
	}
	inner, leaf, n := 0, 0, len(a)
	for next := range n - 1 {
		sum := uint32(0)
		for range 2 {
			if leaf == n || inner < next && a[inner] < a[leaf] {
				sum += a[inner]
				a[inner] = uint32(next)
				inner++
			} else {
				sum += a[leaf]
				leaf++
			}
		}
		a[next] = sum
	}
	a[n-2] = 0
	for i := n - 3; i >= 0; i-- {
		a[i] = a[a[i]] + 1
	}
	return a[:n-1]
}

// assign builds the codes of these lengths (RFC 1951 section 3.2.2). extra is the number of extra
// bits that follow each.
func assign(lens, extra []uint8, entries []entry) {
	var count, next [maxBits + 1]uint16
	for _, n := range lens {
		count[n%16]++
	}
	count[0] = 0
	for n := 1; n <= maxBits; n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	for i, n := range lens {
		entries[i] = 0
		if n > 0 {
			entries[i] = entry(bits.Reverse16(next[n%16]<<(16-n))) | entry(n)<<16 | entry(n+extra[i])<<24
			next[n%16]++
		}
	}
}
