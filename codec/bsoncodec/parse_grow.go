package bsoncodec

import "slices"

// reserve returns dst with capacity for n more bytes, the BSON of src up to next.
func (p *parser) reserve(dst []byte, next, n int) []byte {
	if cap(dst)-len(dst) < n {
		return p.grow(dst, next, n)
	}
	return dst
}

// grow returns dst with more capacity, for n bytes at least. In a long line that is also the
// capacity for the rest of src, estimated by the ratio so far, within the limit of a document.
func (p *parser) grow(dst []byte, next, n int) []byte {
	if next > longLine {
		size := len(dst) - p.start + n
		ratio := 1.02 * float64(size) / float64(next) // with a margin, because it is an estimate
		n += min(int(ratio*float64(len(p.src)-next)), max(p.maxSize+parserSlack-size, 0))
	}
	return slices.Grow(dst, n)
}

// growString is grow for the string that continues at src[i], of at most most bytes. It doubles the
// capacity in a short line. In a long one it counts the escapes, because memory for twice a large
// string is much.
func (p *parser) growString(dst []byte, i, most int) []byte {
	j := len(dst)
	if len(p.src)-i <= longLine {
		return slices.Grow(dst, max(spare, min(j, most-j+spare)))
	}
	n, end := unescapedLen(p.src, i)
	return p.grow(dst, end, min(n, most-j)+2*spare)
}

// unescapedLen returns the length of the string that continues at src[i], and the offset of its
// closing quote. It may count more for characters that need no escape.
func unescapedLen(src []byte, i int) (n, end int) {
	for ; i < len(src) && src[i] != '"'; n++ {
		if src[i] != '\\' || i+1 >= len(src) {
			i++
			continue
		}
		if src[i+1] != 'u' {
			i += 2
			continue
		}
		if !hasPrefix(src, i, `\u00`) || i+4 < len(src) && src[i+4] >= '8' { // not ASCII
			n += 2
		}
		i += len(`\u0000`)
	}
	return n, min(i, len(src))
}
