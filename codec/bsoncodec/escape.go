package bsoncodec

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// escapeKey marks the escape form, which the package's comment describes.
const escapeKey = "$millweirBSON"

// maxEscaped is how many bytes of escaped values, for each byte of the document, are written before the document is escaped as a
// whole. Every container that is inexact has its inner ones written again, each of which may have been so itself: without a limit
// that is the document's size for every level.
const maxEscaped = 4

// escape replaces what dst has from start on by the escape form of the value of type t at src[i:end], in a container of this depth.
// It returns the offset behind the value, or inexact where it is the document that is to be escaped.
func (w *writer) escape(dst []byte, start int, t byte, i, end, depth int) ([]byte, int) {
	if w.strict {
		return dst, w.fail(w.at, fmt.Errorf("%w: %s", ErrInexact, w.inexactReason))
	}
	if w.escaped += end - i; depth > 0 && w.escaped > maxEscaped*len(w.src) {
		return dst, inexact
	}
	if t == 0x03 || t == 0x04 || t == 0x0F { // the pass ended inside it: check all of it
		c := checker{src: w.src, maxDepth: w.maxDepth}
		if !c.whole(t, i, end, depth) {
			return dst, w.fail(c.at, c.err)
		}
	}
	dst = append(dst[:start], `{"`+escapeKey+`":{"type":"`...)
	dst = binary.LittleEndian.AppendUint16(dst, hexPairs[t])
	dst = append(dst, `","base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, w.src[i:end])
	return append(dst, `"}}`...), end
}

// inexactValue says why a value of type t, which is no container, is inexact.
func valueReason(t byte) string {
	switch t {
	case 0x01:
		return "a NaN with a payload"
	case 0x05:
		return "binary subtype 2 with two lengths"
	case 0x08:
		return "a boolean that is neither 0 nor 1"
	case 0x0B:
		return "a regular expression whose options are not sorted, or that is not UTF-8"
	case 0x13:
		return "a decimal that is not canonical"
	}
	return "text that is not UTF-8"
}
