package bsoncodec

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/bsonwire"
)

// variableValue appends the value of type t at src[i:end], which has a variable size and is not a
// string or a container. It returns false if Extended JSON cannot represent the value; the appended
// bytes are then invalid.
func (w *writer) variableValue(dst []byte, t byte, i, end int) ([]byte, bool) {
	switch t {
	case bsonwire.TypeBinary:
		if end-i > minChunkSlack {
			dst = w.reserve(dst, base64.StdEncoding.EncodedLen(end-i)+2*spare)
		}
		return appendBinary(dst, w.src[i:end])
	case bsonwire.TypeRegex:
		return w.regex(dst, i, end)
	case bsonwire.TypeDBPointer:
		return w.dbPointer(dst, i, end)
	case bsonwire.TypeCode:
		return w.wrappedString(dst, `{"$code":`, i, end)
	}
	return w.wrappedString(dst, `{"$symbol":`, i, end)
}

// wrappedString appends head, the string at src[i:end] and a brace.
func (w *writer) wrappedString(dst []byte, head string, i, end int) ([]byte, bool) {
	dst, ok := w.text(append(dst, head...), i+bsonwire.LengthSize, end-1)
	return append(dst, '}'), ok
}

// appendBoolean appends a boolean. It returns false if b is not 0 or 1.
func appendBoolean(dst []byte, b byte) ([]byte, bool) {
	switch b {
	case 0:
		return append(dst, "false"...), true
	case 1:
		return append(dst, "true"...), true
	}
	return dst, false
}

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

// regex appends the regular expression at src[i:end]. It returns false if a text is not UTF-8, or
// if the options are not sorted as Extended JSON requires.
func (w *writer) regex(dst []byte, i, end int) ([]byte, bool) {
	options, _ := bsonwire.RegexEnds(w.src, i, end)
	dst = append(dst, `{"$regularExpression":{"pattern":`...)
	dst, ok := w.text(dst, i, options-1)
	if !ok || !isSorted(w.src[options:end-1]) {
		return dst, false
	}
	dst = append(dst, `,"options":`...)
	dst, ok = w.text(dst, options, end-1)
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

// dbPointer appends the DBPointer at src[i:end].
func (w *writer) dbPointer(dst []byte, i, end int) ([]byte, bool) {
	start, id := i+bsonwire.LengthSize, end-bsonwire.ObjectIDSize
	namespace := w.src[start : id-1]
	dst = append(dst, `{"$dbPointer":{"$ref":`...)
	ok := true
	if needsNoEscape(namespace) { // the driver escapes nothing here
		dst = append(append(append(dst, '"'), namespace...), '"')
	} else {
		dst, ok = w.text(dst, start, id-1)
	}
	dst = append(dst, `,"$id":`...)
	dst = appendObjectID(dst, w.src[id:])
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
