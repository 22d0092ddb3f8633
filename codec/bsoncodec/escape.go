package bsoncodec

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/millweir/millweir/internal/bsonwire"
)

// escapeKey is the key of the escape form, which the package comment describes.
const escapeKey = "$millweirBSON"

// maxEscaped limits the bytes of escaped values for each byte of the document. At the limit, the
// document is escaped as a whole. Without it, the work could be the document's size for each level:
// if a container is inexact, the values inside it are escaped again, and each of them may contain
// escaped values too.
const maxEscaped = 4

// escape replaces dst[start:] with the escape form of the value of type t at src[i:end], in a
// container at this depth. It returns the offset after the value, or inexact if the document must
// be escaped as a whole.
func (w *writer) escape(dst []byte, start int, t byte, i, end, depth int) ([]byte, int) {
	if w.strict {
		return dst, w.fail(w.at, fmt.Errorf("%w: %s", ErrInexact, w.inexactReason))
	}
	if w.escaped += end - i; depth > 0 && w.escaped > maxEscaped*len(w.src) {
		return dst, inexact
	}
	if isContainer(t) { // container did not check all of it
		c := bsonwire.Checker{Src: w.src, MaxDepth: w.maxDepth}
		if !c.Value(t, i, end, depth) {
			return dst, w.fail(c.At, c.Err)
		}
	}
	dst = slices.Grow(dst[:start], escapeFormLen(end-i)+lineSlack)
	dst = append(dst, `{"`+escapeKey+`":{"type":"`...)
	dst = binary.LittleEndian.AppendUint16(dst, hexPairs[t])
	dst = append(dst, `","base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, w.src[i:end])
	return append(dst, `"}}`...), end
}

// isContainer reports whether values of type t contain a document or array.
func isContainer(t byte) bool {
	return t == bsonwire.TypeDocument || t == bsonwire.TypeArray || t == bsonwire.TypeCodeWithScope
}

// valueReason returns the reason why a value of type t that is not a container is inexact.
func valueReason(t byte) string {
	switch t {
	case bsonwire.TypeDouble:
		return "a NaN with a payload"
	case bsonwire.TypeBinary:
		return "binary subtype 2 with two lengths"
	case bsonwire.TypeBoolean:
		return "a boolean that is neither 0 nor 1"
	case bsonwire.TypeRegex:
		return "a regular expression whose options are not sorted, or that is not UTF-8"
	case bsonwire.TypeDecimal:
		return "a decimal that is not canonical"
	}
	return "text that is not UTF-8"
}
