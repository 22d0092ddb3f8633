package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// AppendExtJSON appends doc to dst as one document of MongoDB Extended JSON v2, without a newline, and returns the longer slice.
// It keeps neither slice. The length in doc must be len(doc).
//
// What JSON cannot carry is written in the escape form that the package's comment describes, unless opts says Strict.
// On an error, a [*DocumentError], dst comes back as it was.
func AppendExtJSON(dst []byte, doc []byte, opts *ExtJSONOptions) ([]byte, error) {
	var o ExtJSONOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return dst, err
	}
	w := o.writer()
	return w.document(dst, doc)
}

// writer turns one raw document after another into Extended JSON, in one pass that checks the BSON as it goes.
type writer struct {
	src      []byte // the document in hand
	relaxed  bool
	strict   bool
	maxDepth int
	maxSize  int
	maxLine  int

	start         int    // where the line begins in dst
	escaped       int    // bytes of src that were written in the escape form, those that were written again too
	at            int    // where in src it failed
	err           error  // why
	inexactReason string // why a container is inexact
}

// What takes the place of an offset when a container could not be written.
const (
	failed  = -1 // at and err tell
	inexact = -2 // legal BSON that JSON cannot carry: the enclosing value is to be escaped
)

// Containers differ in how a parser reads their first key.
type kind byte

const (
	topLevel      kind = iota // only the escape form is interpreted
	embedded                  // every type wrapper is
	scopeDocument             // nothing is
	array                     // has no keys in JSON
)

var (
	errLength     = errors.New("wrong length")
	errTerminator = errors.New("missing terminator")
	errShort      = errors.New("value passes the end of its document")
	errType       = errors.New("unknown type")
	errKey        = errors.New("key without an end")
)

// document appends doc. On an error dst comes back as it was.
func (w *writer) document(dst, doc []byte) ([]byte, error) {
	start := len(dst)
	w.src, w.start, w.escaped, w.at, w.err = doc, start, 0, 0, nil
	switch {
	case len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc):
		w.err = errLength
	case len(doc) > w.maxSize:
		w.err = fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(doc), w.maxSize)
	default:
		var end int
		dst, end = w.container(dst, 0, len(doc), 1, topLevel)
		if end >= 0 && len(dst)-start > w.maxLine {
			w.at, w.inexactReason, end = 0, "a line that is too long", inexact
		}
		if end == inexact {
			dst, end = w.escape(dst, start, 0x03, 0, len(doc), 0)
		}
		if end >= 0 && len(dst)-start > w.maxLine {
			end = w.fail(0, lineSizeError(w.maxLine))
		}
		if end >= 0 {
			return dst, nil
		}
	}
	path, id := locate(doc, w.at)
	if w.at == 0 {
		id = locateID(doc)
	}
	return dst[:start], &DocumentError{Offset: int64(w.at), Path: path, ID: id, Err: w.err}
}

// fail notes an error at offset at.
func (w *writer) fail(at int, err error) int {
	w.at, w.err = at, err
	return failed
}

// container appends the document or array that begins at src[i] and must end before limit. It returns the offset behind it.
//
// It is one long function because a call for every element costs as much as the element.
func (w *writer) container(dst []byte, i, limit, depth int, k kind) ([]byte, int) {
	if limit-i < 5 {
		return dst, w.fail(i, errShort)
	}
	n := int(int32(binary.LittleEndian.Uint32(w.src[i:])))
	if n < 5 || n > limit-i {
		return dst, w.fail(i, errLength)
	}
	if depth > w.maxDepth {
		return dst, w.fail(i, fmt.Errorf("%w: more than %d levels", ErrDepth, w.maxDepth))
	}
	end := i + n - 1 // of the elements
	if w.src[end] != 0 {
		return dst, w.fail(end, errTerminator)
	}
	src := w.src
	i += 4

	sep, index := byte('{'), 0
	if k == array {
		sep = '['
	}
	if k <= embedded && i+1 < end && src[i+1] == '$' && opensWrapper(src[i+1:end], k) {
		w.at, w.inexactReason = i, "a key that reads as a type wrapper"
		return dst, inexact
	}
	for i < end {
		t, element := src[i], i
		if k == array {
			if cap(dst)-len(dst) < spare {
				dst = w.grow(dst, i, spare)
			}
			dst = append(dst, sep)
			if i = indexKey(src, i+1, index); i < 0 {
				w.at, w.inexactReason = element, "array indexes out of order"
				return dst, w.unwritableKey(element, end)
			}
			index++
		} else if dst, i = w.key(dst, src, i+1, sep); i < 0 {
			w.at, w.inexactReason = element, "a key that is not UTF-8"
			return dst, w.unwritableKey(element, end)
		}
		if i > end {
			return dst, w.fail(element, errKey)
		}
		sep = ','

		ok, value := true, len(dst) // where the value begins in dst
		next := i                   // the offset behind it in src
		switch t {
		case 0x01: // double
			if next = i + 8; next > end {
				return dst, w.fail(element, errShort)
			}
			dst, ok = appendDouble(dst, binary.LittleEndian.Uint64(src[i:]), w.relaxed)
		case 0x02: // string
			if next = stringEnd(src, i, end); next < 0 {
				return dst, w.fail(element, errString(src, i, end))
			}
			dst, ok = w.string(dst, src, i+4, next-1)
		case 0x03: // document
			if dst, next = w.container(dst, i, end, depth+1, embedded); next == inexact {
				dst, next = w.escape(dst, value, t, i, i+int(binary.LittleEndian.Uint32(src[i:])), depth)
			}
			if next < 0 {
				return dst, next
			}
		case 0x04: // array
			if dst, next = w.container(dst, i, end, depth+1, array); next == inexact {
				dst, next = w.escape(dst, value, t, i, i+int(binary.LittleEndian.Uint32(src[i:])), depth)
			}
			if next < 0 {
				return dst, next
			}
		case 0x05: // binary
			if next = binaryEnd(src, i, end); next < 0 {
				return dst, w.fail(element, errLength)
			}
			dst, ok = appendBinary(dst, src[i:next])
		case 0x06: // undefined
			dst = append(dst, `{"$undefined":true}`...)
		case 0x07: // ObjectID
			if next = i + 12; next > end {
				return dst, w.fail(element, errShort)
			}
			dst = appendObjectID(dst, src[i:next])
		case 0x08: // boolean
			if next = i + 1; next > end {
				return dst, w.fail(element, errShort)
			}
			switch src[i] {
			case 0:
				dst = append(dst, "false"...)
			case 1:
				dst = append(dst, "true"...)
			default:
				ok = false
			}
		case 0x09: // date
			if next = i + 8; next > end {
				return dst, w.fail(element, errShort)
			}
			dst = appendDate(dst, int64(binary.LittleEndian.Uint64(src[i:])), w.relaxed)
		case 0x0A: // null
			dst = append(dst, "null"...)
		case 0x0B: // regular expression
			var mid int
			if mid, next = regexEnd(src, i, end); next < 0 {
				return dst, w.fail(element, errTerminator)
			}
			dst, ok = w.regex(dst, i, mid, next)
		case 0x0C: // DBPointer
			s := stringEnd(src, i, end)
			if s < 0 {
				return dst, w.fail(element, errString(src, i, end))
			}
			if next = s + 12; next > end {
				return dst, w.fail(element, errShort)
			}
			dst, ok = w.dbPointer(dst, i+4, s-1)
		case 0x0D, 0x0E: // code, symbol
			if next = stringEnd(src, i, end); next < 0 {
				return dst, w.fail(element, errString(src, i, end))
			}
			if t == 0x0D {
				dst = append(dst, `{"$code":`...)
			} else {
				dst = append(dst, `{"$symbol":`...)
			}
			dst, ok = w.string(dst, src, i+4, next-1)
			dst = append(dst, '}')
		case 0x0F: // code with scope
			if dst, next = w.codeWithScope(dst, i, end, depth); next == inexact {
				dst, next = w.escape(dst, value, t, i, i+int(binary.LittleEndian.Uint32(src[i:])), depth)
			}
			if next < 0 {
				return dst, next
			}
		case 0x10: // int32
			if next = i + 4; next > end {
				return dst, w.fail(element, errShort)
			}
			dst = appendInt32(dst, int32(binary.LittleEndian.Uint32(src[i:])), w.relaxed)
		case 0x11: // timestamp
			if next = i + 8; next > end {
				return dst, w.fail(element, errShort)
			}
			dst = appendTimestamp(dst, binary.LittleEndian.Uint64(src[i:]))
		case 0x12: // int64
			if next = i + 8; next > end {
				return dst, w.fail(element, errShort)
			}
			dst = appendInt64(dst, int64(binary.LittleEndian.Uint64(src[i:])), w.relaxed)
		case 0x13: // decimal128
			if next = i + 16; next > end {
				return dst, w.fail(element, errShort)
			}
			dst, ok = appendDecimal(dst, binary.LittleEndian.Uint64(src[i+8:]), binary.LittleEndian.Uint64(src[i:]))
		case 0x7F:
			dst = append(dst, `{"$maxKey":1}`...)
		case 0xFF:
			dst = append(dst, `{"$minKey":1}`...)
		default:
			return dst, w.fail(element, fmt.Errorf("%w 0x%02x", errType, t))
		}
		if !ok {
			w.at, w.inexactReason = element, valueReason(t)
			if dst, next = w.escape(dst, value, t, i, next, depth); next < 0 {
				return dst, next
			}
		}
		i = next
	}
	if i != end {
		return dst, w.fail(i, errShort)
	}
	if sep != ',' {
		dst = append(dst, sep)
	}
	if k == array {
		return append(dst, ']'), end + 1
	}
	return append(dst, '}'), end + 1
}

// codeWithScope appends the code with scope at src[i], which must end before limit.
func (w *writer) codeWithScope(dst []byte, i, limit, depth int) ([]byte, int) {
	code, end := codeEnds(w.src, i, limit)
	if end < 0 {
		return dst, w.fail(i, errLength)
	}
	dst = append(dst, `{"$code":`...)
	dst, ok := w.string(dst, w.src, i+8, code-1)
	if !ok {
		w.at, w.inexactReason = i, valueReason(0x0F)
		return dst, inexact
	}
	dst = append(dst, `,"$scope":`...)
	dst, next := w.container(dst, code, end, depth+1, scopeDocument)
	if next >= 0 && next != end {
		return dst, w.fail(code, errLength)
	}
	return append(dst, '}'), next
}

// badKey tells whether a key that could not be written has an end, so that its container is merely inexact.
func (w *writer) unwritableKey(element, end int) int {
	if bytes.IndexByte(w.src[element+1:end], 0) < 0 {
		return w.fail(element, errKey)
	}
	return inexact
}
