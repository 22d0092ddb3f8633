package bsoncodec

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/bsonwire"
)

// hexPairs holds the two lower-case hex digits of each byte.
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

// appendBinary appends the binary value v: length, subtype, bytes. It returns false for subtype 2
// if its inner length disagrees with the outer one.
func appendBinary(dst, v []byte) ([]byte, bool) {
	subtype, b := v[4], v[5:]
	if subtype == bsonwire.SubtypeOld {
		if len(b) < 4 || bsonwire.Length(b, 0) != len(b)-4 {
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

// regex appends the regular expression with its pattern at src[i:options-1] and its options at
// src[options:end-1]. It returns false if one is not UTF-8, or if the options are not sorted as
// Extended JSON requires.
func (w *writer) regex(dst []byte, i, options, end int) ([]byte, bool) {
	dst = append(dst, `{"$regularExpression":{"pattern":`...)
	dst, ok := w.string(dst, w.src, i, options-1)
	if !ok {
		return dst, false
	}
	if !isSorted(w.src[options : end-1]) {
		return dst, false
	}
	dst = append(dst, `,"options":`...)
	dst, ok = w.string(dst, w.src, options, end-1)
	return append(dst, `}}`...), ok
}

// isSorted reports whether the characters of s ascend.
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

// dbPointer appends the DBPointer with its namespace at src[i:end] and its id after the terminator.
func (w *writer) dbPointer(dst []byte, i, end int) ([]byte, bool) {
	src := w.src
	dst = append(dst, `{"$dbPointer":{"$ref":`...)
	var ok bool
	if needsNoEscape(src[i:end]) { // the driver escapes nothing here
		dst, ok = append(append(append(dst, '"'), src[i:end]...), '"'), true
	} else {
		dst, ok = w.string(dst, w.src, i, end)
	}
	dst = append(dst, `,"$id":`...)
	dst = appendObjectID(dst, src[end+1:])
	return append(dst, `}}`...), ok
}

// needsNoEscape reports whether s is UTF-8 that JSON does not escape.
func needsNoEscape(s []byte) bool {
	for _, c := range s {
		if c < 0x80 && escapes[c] != 0 {
			return false
		}
	}
	return utf8.Valid(s)
}
