package bsoncodec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"
)

// hexPairs has the two lower-case hex digits of each byte.
var hexPairs = func() (t [256]uint16) {
	for i := range t {
		t[i] = uint16(hexDigits[i>>4]) | uint16(hexDigits[i&15])<<8
	}
	return t
}()

func appendObjectID(dst, id []byte) []byte {
	const form = `{"$oid":"000000000000000000000000"}`
	dst = append(dst, form...)
	d := dst[len(dst)-len(form)+9:]
	_, _ = d[25], id[11]
	for i := range 12 {
		binary.LittleEndian.PutUint16(d[2*i:], hexPairs[id[i]])
	}
	return dst
}

// appendBinary appends the binary value v: length, subtype, bytes. It reports false for the old subtype 2 when its inner length
// does not fit the outer.
func appendBinary(dst, v []byte) ([]byte, bool) {
	subtype, b := v[4], v[5:]
	if subtype == 0x02 {
		if len(b) < 4 || int(int32(binary.LittleEndian.Uint32(b))) != len(b)-4 {
			return dst, false
		}
		b = b[4:]
	}
	dst = append(dst, `{"$binary":{"base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	dst = append(dst, `","subType":"`...)
	dst = binary.LittleEndian.AppendUint16(dst, hexPairs[subtype])
	return append(dst, `"}}`...), true
}

// regex appends the regular expression with its pattern at src[i:mid-1] and its options at src[mid:end-1]. It reports
// false when one is not UTF-8, or the options are not sorted as Extended JSON wants them.
func (w *writer) regex(dst []byte, i, mid, end int) ([]byte, bool) {
	dst = append(dst, `{"$regularExpression":{"pattern":`...)
	dst, ok := w.string(dst, w.src, i, mid-1)
	if !ok {
		return dst, false
	}
	if !isSorted(w.src[mid : end-1]) {
		return dst, false
	}
	dst = append(dst, `,"options":`...)
	dst, ok = w.string(dst, w.src, mid, end-1)
	return append(dst, `}}`...), ok
}

// sorted tells whether the characters of s ascend.
func isSorted(s []byte) bool {
	last := rune(0)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r < last {
			return false
		}
		last, s = r, s[n:]
	}
	return true
}

// dbPointer appends the DBPointer with its namespace at src[i:end] and its id behind the zero byte.
func (w *writer) dbPointer(dst []byte, i, end int) ([]byte, bool) {
	src := w.src
	dst = append(dst, `{"$dbPointer":{"$ref":`...)
	var ok bool
	if needsNoEscape(src[i:end]) { // as the driver writes it, who escapes nothing here
		dst, ok = append(append(append(dst, '"'), src[i:end]...), '"'), true
	} else {
		dst, ok = w.string(dst, w.src, i, end)
	}
	dst = append(dst, `,"$id":`...)
	dst = appendObjectID(dst, src[end+1:])
	return append(dst, `}}`...), ok
}

// plain tells whether s is UTF-8 that JSON does not need to escape.
func needsNoEscape(s []byte) bool {
	for _, c := range s {
		if c < 0x80 && escapes[c] != 0 {
			return false
		}
	}
	return utf8.Valid(s)
}

// stringEnd returns the offset behind the string at src[i], which must end before limit, or -1.
func stringEnd(src []byte, i, limit int) int {
	if limit-i < 5 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(src[i:])))
	if n < 1 || n > limit-i-4 || src[i+3+n] != 0 {
		return -1
	}
	return i + 4 + n
}

// errString tells what is wrong with a string that stringEnd refused.
func errString(src []byte, i, limit int) error {
	if limit-i < 5 {
		return errShort
	}
	if n := int(int32(binary.LittleEndian.Uint32(src[i:]))); n < 1 || n > limit-i-4 {
		return errLength
	}
	return errTerminator
}

// binaryEnd returns the offset behind the binary value at src[i], which must end before limit, or -1.
func binaryEnd(src []byte, i, limit int) int {
	if limit-i < 5 {
		return -1
	}
	n := int(int32(binary.LittleEndian.Uint32(src[i:])))
	if n < 0 || n > limit-i-5 {
		return -1
	}
	return i + 5 + n
}

// regexEnd returns the offsets of the options of the regular expression at src[i] and behind it, or -1.
func regexEnd(src []byte, i, limit int) (mid, end int) {
	n := bytes.IndexByte(src[i:limit], 0)
	if n < 0 {
		return -1, -1
	}
	mid = i + n + 1
	if n = bytes.IndexByte(src[mid:limit], 0); n < 0 {
		return -1, -1
	}
	return mid, mid + n + 1
}

// codeEnds returns the offsets of the scope of the code with scope at src[i], and behind it all, or -1.
func codeEnds(src []byte, i, limit int) (scope, end int) {
	if limit-i < 14 {
		return -1, -1
	}
	n := int(int32(binary.LittleEndian.Uint32(src[i:])))
	if n < 14 || n > limit-i {
		return -1, -1
	}
	end = i + n
	if scope = stringEnd(src, i+4, end-5); scope < 0 {
		return -1, -1
	}
	return scope, end
}

// indexKey returns the offset behind the key at src[i] when it is the array index n, else -1.
func indexKey(src []byte, i, n int) int {
	if n < 10 {
		if i+2 <= len(src) && src[i] == byte('0'+n) && src[i+1] == 0 {
			return i + 2
		}
		return -1
	}
	if n < 100 {
		if i+3 <= len(src) && binary.LittleEndian.Uint16(src[i:]) == digitPairs[n] && src[i+2] == 0 {
			return i + 3
		}
		return -1
	}
	var b [20]byte
	key := append(appendUint(b[:0], uint64(n)), 0)
	if !bytes.HasPrefix(src[i:], key) {
		return -1
	}
	return i + len(key)
}
