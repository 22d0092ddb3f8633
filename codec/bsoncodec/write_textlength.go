package bsoncodec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/bsonwire"
)

// Each function in this file returns the length of a value that the writer writes from bytes of any
// length, and false if Extended JSON cannot represent the value.

// variableLen measures the value v of type t as variableValue writes it.
func variableLen(t byte, v []byte) (int, bool) {
	switch t {
	case bsonwire.TypeBinary:
		return binaryLen(v)
	case bsonwire.TypeRegex:
		options := bytes.IndexByte(v, 0) + 1
		n, ok := textLen(v[:options-1])
		k, ok2 := textLen(v[options : len(v)-1])
		return len(`{"$regularExpression":{"pattern":,"options":}}`) + n + k, ok && ok2 && isSorted(v[options:len(v)-1])
	case bsonwire.TypeDBPointer:
		n, ok := stringLen(v[:len(v)-bsonwire.ObjectIDSize])
		if namespace := v[bsonwire.LengthSize : len(v)-bsonwire.ObjectIDSize-1]; needsNoEscape(namespace) {
			n, ok = len(`""`)+len(namespace), true // the line separators, too, which textLen counts as escaped
		}
		return len(`{"$dbPointer":{"$ref":,"$id":{"$oid":""}}}`) + 2*bsonwire.ObjectIDSize + n, ok
	case bsonwire.TypeCode:
		n, ok := stringLen(v)
		return len(`{"$code":}`) + n, ok
	}
	n, ok := stringLen(v)
	return len(`{"$symbol":}`) + n, ok
}

// binaryLen measures the binary value v: length, subtype, bytes.
func binaryLen(v []byte) (int, bool) {
	b := v[bsonwire.BinaryHeadSize:]
	if v[bsonwire.LengthSize] == bsonwire.SubtypeOld {
		if len(b) < 4 || bsonwire.Length(b, 0) != len(b)-4 {
			return 0, false
		}
		b = b[4:]
	}
	return len(`{"$binary":{"base64":"","subType":"00"}}`) + base64.StdEncoding.EncodedLen(len(b)), true
}

// stringLen measures the string value v: length, text, terminator.
func stringLen(v []byte) (int, bool) { return textLen(v[bsonwire.LengthSize : len(v)-1]) }

// textLen measures a text as a JSON string.
func textLen(text []byte) (int, bool) { return len(`""`) + escapedLen(text), utf8.Valid(text) }

// escapedLen returns the length of text with JSON escapes.
func escapedLen(text []byte) int {
	n := len(text)
	for i := 0; i < len(text); i++ {
		if len(text)-i >= 8 && special(binary.LittleEndian.Uint64(text[i:])) == 0 {
			i += 7
			continue
		}
		switch c := text[i]; {
		case len(text)-i >= 3 && isLineSeparator(text, i):
			n += len(`\u2028`) - 3
		case c >= 0x80 || escapes[c] == 0:
		case escapes[c] == 'u':
			n += len(`\u0000`) - 1
		default:
			n += len(`\n`) - 1
		}
	}
	return n
}
