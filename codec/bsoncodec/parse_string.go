package bsoncodec

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/bsonwire"
)

// key appends a byte for the type, the key whose first byte after the quote is src[i], and a zero
// byte. It returns the offset after the closing quote.
func (p *parser) key(dst []byte, i int) ([]byte, int) {
	src, j := p.src, len(dst)
	if cap(dst)-j < spare {
		dst = p.grow(dst, spare)
	}
	d := dst[:cap(dst)]
	d[j] = 0
	j++
	for uint(i)+8 <= uint(len(src)) && uint(j)+8 < uint(len(d)) {
		x := binary.LittleEndian.Uint64(src[i : i+8])
		binary.LittleEndian.PutUint64(d[j:j+8], x)
		m := special(x)
		if m == 0 {
			i, j = i+8, j+8
			continue
		}
		n := bits.TrailingZeros64(m) >> 3
		i, j = i+n, j+n
		if x>>(n*8)&0xFF == '"' {
			d[j] = 0
			return d[:j+1], i + 1
		}
		break
	}
	start := i
	dst, i = p.slowString(d[:j], i, p.start+p.maxSize)
	if i < 0 {
		return dst, failed
	}
	for _, c := range dst[j:] {
		if c == 0 {
			return dst, p.fail(start, errNUL)
		}
	}
	return append(dst, 0), i
}

// string appends the string whose first byte after the quote is src[i]. It returns the offset after
// the closing quote.
func (p *parser) string(dst []byte, i int) ([]byte, int) {
	src, j := p.src, len(dst)
	d := dst[:cap(dst)]
	for uint(i)+8 <= uint(len(src)) && uint(j)+8 <= uint(len(d)) {
		x := binary.LittleEndian.Uint64(src[i : i+8])
		binary.LittleEndian.PutUint64(d[j:j+8], x)
		m := special(x)
		if m == 0 {
			i, j = i+8, j+8
			continue
		}
		n := bits.TrailingZeros64(m) >> 3
		i, j = i+n, j+n
		if x>>(n*8)&0xFF == '"' {
			return d[:j], i + 1
		}
		break
	}
	return p.slowString(d[:j], i, p.start+p.maxSize)
}

// slowString appends the rest of a string, from src[i] on, with any content. It fails if dst would
// grow beyond most bytes.
func (p *parser) slowString(dst []byte, i, most int) ([]byte, int) {
	src := p.src
	for i < len(src) {
		j := len(dst)
		if cap(dst)-j < spare {
			if j > most {
				return dst, p.fail(p.stringEnd(i), p.sizeError())
			}
			dst = p.growString(dst, i, most)
		}
		d := dst[:cap(dst)]
		for uint(i)+8 <= uint(len(src)) && uint(j)+8 <= uint(len(d)) {
			x := binary.LittleEndian.Uint64(src[i : i+8])
			binary.LittleEndian.PutUint64(d[j:j+8], x)
			m := special(x)
			if m == 0 {
				i, j = i+8, j+8
				continue
			}
			n := bits.TrailingZeros64(m) >> 3
			i, j = i+n, j+n
			break
		}
		for i < len(src) && j+4 <= len(d) {
			c := src[i]
			switch {
			case c == '"':
				return d[:j], i + 1
			case c >= 0x80:
				n := runeLen(src, i)
				if n == 0 {
					return d[:j], p.fail(i, bsonwire.ErrUTF8)
				}
				for range n {
					d[j] = src[i]
					i, j = i+1, j+1
				}
				continue
			case c < 0x20:
				return d[:j], p.fail(i, errControl)
			case c == '\\':
				var n int
				if n, i = p.escapeRune(d[j:j+4], i); i < 0 {
					return d[:j], failed
				}
				j += n
				continue
			}
			d[j] = c
			i, j = i+1, j+1
			if i+8 <= len(src) {
				break
			}
		}
		dst = d[:j]
	}
	return dst, p.fail(i, errControl)
}

// stringEnd returns the offset after the string that continues at src[i]. The error of a string
// that is too large points there, however much memory there was for its beginning.
func (p *parser) stringEnd(i int) int {
	for src := p.src; i < len(src); i++ {
		switch src[i] {
		case '"':
			return min(i+1, len(src)-1)
		case '\\':
			i++
		}
	}
	return len(p.src)
}

// escapeRune decodes the escape at src[i] into d, which has four bytes. It returns the number of
// bytes written and the offset after the escape.
func (p *parser) escapeRune(d []byte, i int) (int, int) {
	src := p.src
	if i+1 >= len(src) {
		return 0, p.fail(len(src), errEscape)
	}
	c := src[i+1]
	switch c {
	case '"', '\\', '/':
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'u':
		r, ok := parseHex4(src, i+2)
		if !ok {
			return 0, p.fail(i, errEscape)
		}
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := parseHex4(src, i+2)
			if r = utf16.DecodeRune(r, low); !ok || !hasPrefix(src, i, `\u`) || r == utf8.RuneError {
				return 0, p.fail(i-6, errSurrogate)
			}
			i += 6
		}
		return utf8.EncodeRune(d, r), i
	default:
		return 0, p.fail(i, errEscape)
	}
	d[0] = c
	return 1, i + 2
}

// parseHex4 parses four hex digits at src[i].
func parseHex4(src []byte, i int) (rune, bool) {
	if i+4 > len(src) {
		return 0, false
	}
	var r rune
	for _, c := range src[i : i+4] {
		v := unhex[c]
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

// unhex maps each hex digit to its value, and every other byte to 0xFF.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i, c := range []byte(hexDigits) {
		t[c] = byte(i)
	}
	for i, c := range []byte("ABCDEF") {
		t[c] = byte(10 + i)
	}
	return t
}()

// text returns the string whose first byte after the quote is src[i], and the offset after the
// closing quote. The slice is part of the line, or of scratch until its next use. It fails if the
// string is longer than the base64 of the largest document, because no valid value has a longer
// one.
func (p *parser) text(i int) ([]byte, int) { return p.textUpTo(i, base64Len(p.maxSize)) }

// textUpTo works as text, for a string of at most most bytes.
func (p *parser) textUpTo(i, most int) ([]byte, int) {
	src := p.src
	for k := i; k < len(src); k++ {
		c := src[k]
		if c == '"' {
			if k-i > most {
				return nil, p.fail(i-1, p.sizeError())
			}
			return src[i:k], k + 1
		}
		if c < 0x20 || c >= 0x80 || c == '\\' {
			if len(src) > measuredSize { // slowString must not grow it as a document
				n, _ := unescapedLen(src, i)
				p.scratch = slices.Grow(p.scratch[:0], min(n, most)+2*spare)
			}
			var next int
			p.scratch, next = p.slowString(p.scratch[:0], i, most)
			return p.scratch, next
		}
	}
	return nil, p.fail(len(src), errControl)
}
