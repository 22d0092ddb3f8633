package bsoncodec

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// reserveDocument returns dst with capacity for the document of a long line.
// It measures only a line that certainly needs memory.
func (p *parser) reserveDocument(dst []byte) []byte {
	if len(p.src) <= measuredSize || cap(dst)-len(dst) >= len(p.src) {
		return dst
	}
	return p.grow(dst, spare)
}

// reserve returns dst with capacity for n more bytes.
func (p *parser) reserve(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return p.grow(dst, n)
	}
	return dst
}

// grow returns dst with capacity for n more bytes, and for the rest of the document of a long line,
// within the limit of a document.
func (p *parser) grow(dst []byte, n int) []byte {
	if !p.measured && len(p.src) > measuredSize {
		p.measured = true
		m := documentMeter{src: p.src, maxDepth: p.maxDepth + wrapperDepth}
		size, _ := m.document(p.space(0))
		n = max(n, min(size, p.maxSize)+parserSlack-(len(dst)-p.start))
	}
	return slices.Grow(dst, n)
}

// growString is grow for the string that continues at src[i], of at most most bytes. It doubles the
// capacity in a short line. In a long one it counts the escapes, because memory for twice a large
// string is much.
func (p *parser) growString(dst []byte, i, most int) []byte {
	j := len(dst)
	if len(p.src) <= measuredSize {
		return slices.Grow(dst, max(spare, min(j, most-j+spare)))
	}
	n, _ := unescapedLen(p.src, i)
	return p.grow(dst, min(n, most-j)+2*spare)
}

// unescapedLen returns the length of the string that continues at src[i], and the offset of its
// closing quote.
func unescapedLen(src []byte, i int) (n, end int) {
	for i < len(src) {
		if i+8 <= len(src) && special(binary.LittleEndian.Uint64(src[i:])) == 0 {
			i, n = i+8, n+8
			continue
		}
		switch c := src[i]; {
		case c == '"':
			return n, i
		case c != '\\':
			i, n = i+1, n+1
		case !hasPrefix(src, i, `\u`):
			i, n = i+2, n+1
		default:
			r, _ := parseHex4(src, i+2)
			if i += len(`\u0000`); utf16.IsSurrogate(r) {
				n += 2 // half of a character of four bytes
			} else {
				n += utf8.RuneLen(r)
			}
		}
	}
	return n, len(src)
}
