package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// special marks the bytes of x that a JSON string may need to escape or validate: control
// characters, the quote, the backslash, and bytes of multi-byte characters. The lowest mark is
// exact; higher marks may be false.
func special(x uint64) uint64 {
	return (x | (x - 0x20*ones) | ((x ^ '"'*ones) - ones) | ((x ^ '\\'*ones) - ones)) & highs
}

// escapes maps each ASCII byte to 0 if a JSON string holds it unescaped, otherwise to the character
// after the backslash.
var escapes = func() (t [128]byte) {
	for c := range byte(0x20) {
		t[c] = 'u'
	}
	t['"'], t['\\'] = '"', '\\'
	t['\n'], t['\r'], t['\t'], t['\b'], t['\f'] = 'n', 'r', 't', 'b', 'f'
	return t
}()

const hexDigits = "0123456789abcdef"

// spare is the capacity that keys and strings need in dst in addition to the bytes that they copy.
const spare = 32

// key appends sep and the key at src[i] as a JSON name with its colon. It returns the offset after
// the key, or a negative offset if the key has no end or is not UTF-8.
func (w *writer) key(dst []byte, i int, sep byte) ([]byte, int) {
	src := w.src
	j := len(dst)
	if cap(dst)-j < spare {
		dst = w.grow(dst, spare)
	}
	d := dst[:cap(dst)]
	d[j], d[j+1] = sep, '"'
	j += 2
	for uint(i)+8 <= uint(len(src)) && uint(j)+16 <= uint(len(d)) {
		x := binary.LittleEndian.Uint64(src[i : i+8])
		binary.LittleEndian.PutUint64(d[j:j+8], x)
		m := special(x)
		if m == 0 {
			i, j = i+8, j+8
			continue
		}
		n := bits.TrailingZeros64(m) >> 3
		i, j = i+n, j+n
		if x>>(n*8)&0xFF == 0 {
			d[j], d[j+1] = '"', ':'
			return d[:j+2], i + 1
		}
		break
	}
	n := bytes.IndexByte(src[i:], 0)
	if n < 0 {
		return dst, -1
	}
	dst, ok := w.escapedText(d[:j], i, i+n)
	if !ok {
		return dst, -1
	}
	return append(dst, '"', ':'), i + n + 1
}

// text appends src[i:end] as a JSON string. src[end] must exist and be zero. It returns false if
// the text is not UTF-8.
func (w *writer) text(dst []byte, i, end int) ([]byte, bool) {
	src := w.src
	j := len(dst)
	if cap(dst)-j < end-i+spare {
		dst = w.grow(dst, end-i+spare)
	}
	d := dst[:cap(dst)]
	d[j] = '"'
	j++
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
	if i >= end {
		d[j] = '"'
		return d[:j+1], true
	}
	dst, ok := w.escapedText(d[:j], i, end)
	return append(dst, '"'), ok
}

// escapedText appends src[i:end] with JSON escapes. It returns false if the bytes are not UTF-8.
func (w *writer) escapedText(dst []byte, i, end int) ([]byte, bool) {
	src := w.src[:end]
	for i < len(src) {
		j := len(dst)
		if cap(dst)-j < len(src)-i+spare {
			dst = w.grow(dst, escapedLen(src[i:])+spare)
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
		for i < len(src) && j+8 <= len(d) { // up to eight single bytes, or a text without ASCII
			c := src[i]
			if c < 0x80 {
				e := escapes[c]
				switch e {
				case 0:
					d[j] = c
					j++
				case 'u':
					copy(d[j:], `\u00`)
					d[j+4], d[j+5] = hexDigits[c>>4], hexDigits[c&15]
					j += 6
				default:
					d[j], d[j+1] = '\\', e
					j += 2
				}
				i++
				if uint(i)+8 <= uint(len(src)) && e == 0 {
					break
				}
				continue
			}
			n := runeLen(src, i)
			if n == 0 {
				return dst, false
			}
			if n == 3 && isLineSeparator(src, i) { // U+2028 and U+2029, as the driver does
				copy(d[j:], `\u202`)
				d[j+5] = '8' + src[i+2]&1
				i, j = i+3, j+6
				continue
			}
			for range n {
				d[j] = src[i]
				i, j = i+1, j+1
			}
		}
		dst = d[:j]
	}
	return dst, true
}

// isLineSeparator reports whether the character of three bytes at src[i] is U+2028 or U+2029.
func isLineSeparator(src []byte, i int) bool {
	return src[i] == 0xE2 && src[i+1] == 0x80 && src[i+2]&0xFE == 0xA8
}

// runeLen returns the length of the UTF-8 character at src[i], whose first byte is not ASCII, or 0
// if it is invalid (RFC 3629).
func runeLen(src []byte, i int) int {
	c, left := src[i], len(src)-i
	switch {
	case c < 0xC2:
		return 0
	case c < 0xE0:
		if left >= 2 && src[i+1]&0xC0 == 0x80 {
			return 2
		}
	case c < 0xF0:
		if left >= 3 && src[i+1]&0xC0 == 0x80 && src[i+2]&0xC0 == 0x80 &&
			(c != 0xE0 || src[i+1] >= 0xA0) && (c != 0xED || src[i+1] < 0xA0) {
			return 3
		}
	case c < 0xF5:
		if left >= 4 && src[i+1]&0xC0 == 0x80 && src[i+2]&0xC0 == 0x80 && src[i+3]&0xC0 == 0x80 &&
			(c != 0xF0 || src[i+1] >= 0x90) && (c != 0xF4 || src[i+1] < 0x90) {
			return 4
		}
	}
	return 0
}
