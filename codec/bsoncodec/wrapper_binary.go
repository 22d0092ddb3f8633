package bsoncodec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"

	"github.com/millweir/millweir/internal/bsonwire"
)

// binary parses the value of $binary: an object, or the legacy text followed by $type.
func (p *parser) binary(dst []byte, i int) ([]byte, int, byte) {
	if i < len(p.src) && p.src[i] == '"' {
		_, next := p.text(i + 1)
		if next < 0 {
			return dst, failed, 0
		}
		key, at := p.comma(next)
		if at < 0 {
			return dst, failed, 0
		}
		if string(key) != "$type" {
			return dst, p.fail(at, errWrapper), 0
		}
		if _, next = p.quoted(at); next < 0 {
			return dst, failed, 0
		}
		return p.binaryParts(dst, i, at, p.closing(next))
	}
	var at [2]int
	i = p.twoKeys(i, "base64", "subType", func(n, i int) int {
		at[n] = i
		_, next := p.quoted(i)
		return next
	})
	if i < 0 {
		return dst, failed, 0
	}
	return p.binaryParts(dst, at[0], at[1], p.closing(i))
}

// binaryParts appends the binary value with its text at src[data] and its subtype at src[sub]. end
// is the offset after the object.
func (p *parser) binaryParts(dst []byte, data, sub, end int) ([]byte, int, byte) {
	if end < 0 {
		return dst, failed, 0
	}
	s, _ := p.quoted(sub)
	subtype, ok := hexByte(s)
	if !ok {
		return dst, p.fail(sub, errBSONType), 0
	}
	if s, _ = p.quoted(data); !p.base64Fits(s) {
		return dst, p.fail(data, p.sizeError()), 0
	}
	if dst, ok = appendBinaryValue(dst, s, subtype); !ok {
		return dst, p.fail(data, errBase64), 0
	}
	return dst, end, bsonwire.TypeBinary
}

// appendBinaryValue appends the binary value with this base64 text. It returns false if text is not
// base64.
func appendBinaryValue(dst, text []byte, subtype byte) ([]byte, bool) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, subtype)
	if subtype == bsonwire.SubtypeOld {
		dst = append(dst, 0, 0, 0, 0)
	}
	body := len(dst)
	dst, ok := appendBase64(dst, text)
	if subtype == bsonwire.SubtypeOld {
		binary.LittleEndian.PutUint32(dst[start+5:], uint32(len(dst)-body))
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-5))
	return dst, ok
}

// base64Len returns the maximum length of the base64 of n bytes, with room for the lengths around a
// value's bytes.
func base64Len(n int) int { return min(n, math.MaxInt/2)/3*4 + 8 }

// base64Fits reports whether the decoded bytes of text fit a document.
func (p *parser) base64Fits(text []byte) bool { return len(text) <= base64Len(p.maxSize) }

var strictBase64 = base64.StdEncoding.Strict()

// appendBase64 appends the bytes of the padded base64 text (RFC 4648). It accepts exactly one text
// for each sequence of bytes, so it detects a damaged character that a lenient decoder would ignore
// as white space or trailing bits.
func appendBase64(dst, text []byte) ([]byte, bool) {
	most := strictBase64.DecodedLen(len(text))
	dst = slices.Grow(dst, most)
	n, err := strictBase64.Decode(dst[len(dst):len(dst)+most], text)
	padding := len(text) - len(bytes.TrimRight(text, "="))
	// The decoder ignores newlines, but then the text is longer than its bytes need.
	return dst[:len(dst)+n], err == nil && len(text)%4 == 0 && n == most-padding
}

// appendUUID appends the UUID s, 36 characters as in RFC 4122, as binary subtype 4.
func appendUUID(dst, s []byte) ([]byte, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return dst, false
	}
	var hex [32]byte
	n := 0
	for _, part := range [][]byte{s[:8], s[9:13], s[14:18], s[19:23], s[24:]} {
		n += copy(hex[n:], part)
	}
	var id [16]byte
	if !appendUnhex(id[:0], hex[:]) {
		return dst, false
	}
	dst = append(dst, 16, 0, 0, 0, bsonwire.SubtypeUUID)
	return append(dst, id[:]...), true
}

// appendUnhex writes the bytes of the hex text s, which has an even length, into the capacity after
// dst. It returns false if s is not hex.
func appendUnhex(dst, s []byte) bool {
	for i := 0; i+1 < len(s); i += 2 {
		a, b := unhex[s[i]], unhex[s[i+1]]
		if a|b > 15 {
			return false
		}
		dst = append(dst, a<<4|b)
	}
	return true
}

// hexByte parses one or two hex digits.
func hexByte(s []byte) (byte, bool) {
	switch len(s) {
	case 1:
		return unhex[s[0]], unhex[s[0]] <= 15
	case 2:
		a, b := unhex[s[0]], unhex[s[1]]
		return a<<4 | b, a|b <= 15
	}
	return 0, false
}
