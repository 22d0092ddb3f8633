package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// nesting tracks the braces and strings of a JSON object across chunks.
type nesting struct {
	depth    int  // open braces
	inString bool // within a string
	escaped  bool // within a string, and the next byte is escaped
}

// scan continues at p[i] and returns the index after the brace that closes the object. If p ends
// first, it returns len(p) and leaves depth above 0. At depth 0, p[i] is the brace that opens the
// object.
func (n *nesting) scan(p []byte, i int) int {
	depth := n.depth
	for {
		if n.inString {
			if i = n.skipString(p, i); n.inString {
				break
			}
		}
		for i < len(p) {
			c := p[i]
			i++
			switch c {
			case '"':
				n.inString = true
			case '{':
				depth++
				continue
			case '}':
				if depth--; depth == 0 {
					n.depth = 0
					return i
				}
				continue
			default:
				continue
			}
			break
		}
		if !n.inString {
			break
		}
	}
	n.depth = depth
	return len(p)
}

// skipString continues within a string at p[i]. It returns the index after the end of the string
// and clears inString, or returns len(p) if p ends first.
func (n *nesting) skipString(p []byte, i int) int {
	if n.escaped {
		if i == len(p) {
			return i
		}
		n.escaped = false
		i++
	}
	for from := i; ; {
		q := indexQuote(p, i)
		// The quote, or the end of the chunk, is escaped if an odd number of backslashes precedes
		// it.
		b := q
		for b > from && p[b-1] == '\\' {
			b--
		}
		odd := (q-b)&1 == 1
		if q == len(p) {
			n.escaped = odd
			return q
		}
		i = q + 1
		if !odd {
			n.inString = false
			return i
		}
		from = i
	}
}

// indexQuote returns the index of the first quotation mark in p[i:], or len(p). Most strings are
// short, so it examines words of eight bytes before it calls the search for long strings.
func indexQuote(p []byte, i int) int {
	for k := 0; k < 3 && i+8 <= len(p); k++ {
		const ones = 0x0101010101010101
		x := binary.LittleEndian.Uint64(p[i:]) ^ ('"' * ones)
		if m := (x - ones) & ^x & (ones << 7); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	if j := bytes.IndexByte(p[i:], '"'); j >= 0 {
		return i + j
	}
	return len(p)
}
