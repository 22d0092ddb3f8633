package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/millweir/millweir/internal/bsonwire"
)

// container appends the document or array at src[i], which must end before limit. It returns the
// offset after it.
//
// The common values are written here because a call for each element would cost 15 percent.
func (w *writer) container(dst []byte, i, limit, depth int, k kind) ([]byte, int) {
	if limit-i < bsonwire.MinDocumentSize {
		return dst, w.fail(i, bsonwire.ErrShort)
	}
	n := bsonwire.Length(w.src, i)
	if n < bsonwire.MinDocumentSize || n > limit-i {
		return dst, w.fail(i, bsonwire.ErrLength)
	}
	if depth > w.maxDepth {
		return dst, w.fail(i, fmt.Errorf("%w: more than %d levels", ErrDepth, w.maxDepth))
	}
	end := i + n - 1 // the offset of the terminator
	if w.src[end] != 0 {
		return dst, w.fail(end, bsonwire.ErrTerminator)
	}
	src := w.src
	i += bsonwire.LengthSize

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
				dst = w.grow(dst, spare)
			}
			dst = append(dst, sep)
			if i = indexKey(src, i+1, index); i < 0 {
				w.at, w.inexactReason = element, "array indexes out of order"
				return dst, w.unwritableKey(element, end)
			}
			index++
		} else if dst, i = w.key(dst, i+1, sep); i < 0 {
			w.at, w.inexactReason = element, "a key that is not UTF-8"
			return dst, w.unwritableKey(element, end)
		}
		if i > end {
			return dst, w.fail(element, bsonwire.ErrKey)
		}
		sep = ','

		next := i + bsonwire.FixedSize(t)
		if next > end {
			return dst, w.fail(element, bsonwire.ErrShort)
		}
		start, ok := len(dst), true
		switch t {
		case bsonwire.TypeDouble:
			dst, ok = appendDouble(dst, binary.LittleEndian.Uint64(src[i:]), w.relaxed)
		case bsonwire.TypeString:
			if next = bsonwire.StringEnd(src, i, end); next < 0 {
				return dst, w.fail(element, bsonwire.StringError(src, i, end))
			}
			dst, ok = w.text(dst, i+bsonwire.LengthSize, next-1)
		case bsonwire.TypeDocument, bsonwire.TypeArray, bsonwire.TypeCodeWithScope:
			if dst, next = w.nested(dst, t, i, end, depth); next < 0 {
				return dst, next
			}
		case bsonwire.TypeUndefined:
			dst = append(dst, `{"$undefined":true}`...)
		case bsonwire.TypeObjectID:
			dst = appendObjectID(dst, src[i:next])
		case bsonwire.TypeBoolean:
			dst, ok = appendBoolean(dst, src[i])
		case bsonwire.TypeDate:
			dst = appendDate(dst, int64(binary.LittleEndian.Uint64(src[i:])), w.relaxed)
		case bsonwire.TypeNull:
			dst = append(dst, "null"...)
		case bsonwire.TypeInt32:
			dst = appendInt32(dst, int32(binary.LittleEndian.Uint32(src[i:])), w.relaxed)
		case bsonwire.TypeTimestamp:
			dst = appendTimestamp(dst, binary.LittleEndian.Uint64(src[i:]))
		case bsonwire.TypeInt64:
			dst = appendInt64(dst, int64(binary.LittleEndian.Uint64(src[i:])), w.relaxed)
		case bsonwire.TypeDecimal:
			dst, ok = appendDecimal(dst, binary.LittleEndian.Uint64(src[i+8:]), binary.LittleEndian.Uint64(src[i:]))
		case bsonwire.TypeMaxKey:
			dst = append(dst, `{"$maxKey":1}`...)
		case bsonwire.TypeMinKey:
			dst = append(dst, `{"$minKey":1}`...)
		default:
			var err error
			if next, err = bsonwire.ValueEnd(src, t, i, end); err != nil {
				return dst, w.fail(element, err)
			}
			dst, ok = w.variableValue(dst, t, i, next)
		}
		if !ok {
			w.at, w.inexactReason = element, valueReason(t)
			if dst, next = w.escape(dst, start, t, i, next, depth); next < 0 {
				return dst, next
			}
		}
		i = next
	}
	if i != end {
		return dst, w.fail(i, bsonwire.ErrShort)
	}
	if sep != ',' {
		dst = append(dst, sep)
	}
	if k == array {
		return append(dst, ']'), end + 1
	}
	return append(dst, '}'), end + 1
}

// nested appends the value of type t at src[i], which contains a document or array, in a container
// at this depth. The value must end before limit. If it is inexact, nested escapes it. nested
// returns the offset after the value.
func (w *writer) nested(dst []byte, t byte, i, limit, depth int) ([]byte, int) {
	start := len(dst)
	next := 0
	switch t {
	case bsonwire.TypeDocument:
		dst, next = w.container(dst, i, limit, depth+1, embedded)
	case bsonwire.TypeArray:
		dst, next = w.container(dst, i, limit, depth+1, array)
	default:
		dst, next = w.codeWithScope(dst, i, limit, depth)
	}
	if next == inexact {
		return w.escape(dst, start, t, i, i+bsonwire.Length(w.src, i), depth)
	}
	return dst, next
}

// codeWithScope appends the code with scope at src[i], which must end before limit.
func (w *writer) codeWithScope(dst []byte, i, limit, depth int) ([]byte, int) {
	code, end := bsonwire.CodeEnds(w.src, i, limit)
	if end < 0 {
		return dst, w.fail(i, bsonwire.ErrLength)
	}
	dst = append(dst, `{"$code":`...)
	dst, ok := w.text(dst, i+2*bsonwire.LengthSize, code-1)
	if !ok {
		w.at, w.inexactReason = i, valueReason(bsonwire.TypeCodeWithScope)
		return dst, inexact
	}
	dst = append(dst, `,"$scope":`...)
	dst, next := w.container(dst, code, end, depth+1, scopeDocument)
	if next >= 0 && next != end {
		return dst, w.fail(code, bsonwire.ErrLength)
	}
	return append(dst, '}'), next
}

// unwritableKey returns inexact for a key that ends but cannot be written, and fails if the key has
// no end.
func (w *writer) unwritableKey(element, end int) int {
	if bytes.IndexByte(w.src[element+1:end], 0) < 0 {
		return w.fail(element, bsonwire.ErrKey)
	}
	return inexact
}
