package bsoncodec

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/bsonwire"
)

// lineMeter computes the length of the line that a writer writes, without writing it. It decides as
// the writer does which values take the escape form.
type lineMeter struct {
	src      []byte
	relaxed  bool
	strict   bool
	maxDepth int
	number   []byte // memory for the text of a number

	escaped   int // bytes written in the escape form, including those written again
	discarded int // bytes of containers that dst holds beyond the line, until it holds their escape form
}

// The methods of lineMeter mirror those of writer. Each returns a number of bytes of text, and the
// offset in src after the value. If the offset is negative, the bytes are those that the writer
// appends before it fails or gives up.

// document measures the whole document.
func (m *lineMeter) document() (n, next int) {
	if n, next = m.container(0, len(m.src), 1, topLevel); next == inexact && m.strict {
		next = failed
	}
	return n, next
}

// container measures the document or array at src[i], which must end before limit.
func (m *lineMeter) container(i, limit, depth int, k kind) (n, next int) {
	if limit-i < bsonwire.MinDocumentSize {
		return 0, failed
	}
	size := bsonwire.Length(m.src, i)
	if size < bsonwire.MinDocumentSize || size > limit-i || depth > m.maxDepth || m.src[i+size-1] != 0 {
		return 0, failed
	}
	end := i + size - 1
	i += bsonwire.LengthSize
	if k <= embedded && i+1 < end && m.src[i+1] == '$' && opensWrapper(m.src[i+1:end], k) {
		return 0, inexact
	}
	n = len(`{}`)
	for index := 0; i < end; index++ {
		if index > 0 {
			n += len(`,`)
		}
		t, key := m.src[i], i+1
		if k == array {
			if i = indexKey(m.src, key, index); i < 0 {
				return n, inexact
			}
		} else {
			if i = bsonwire.KeyEnd(m.src, key, end); i < 0 {
				return n, failed
			}
			if !utf8.Valid(m.src[key : i-1]) {
				return n, inexact
			}
			n += escapedLen(m.src[key:i-1]) + len(`"":`)
		}
		if i > end { // the terminator of the container ends the key
			return n, failed
		}
		var size int
		size, i = m.value(t, i, end, depth)
		if n += size; i < 0 {
			return n, i
		}
	}
	if i != end {
		return n, failed
	}
	return n, end + 1
}

// value measures the value of type t at src[i], in a container at this depth that ends at limit.
func (m *lineMeter) value(t byte, i, limit, depth int) (n, next int) {
	if isContainer(t) {
		return m.nested(t, i, limit, depth)
	}
	end, err := bsonwire.ValueEnd(m.src, t, i, limit)
	if err != nil {
		return 0, failed
	}
	n, ok := m.simple(t, m.src[i:end])
	if ok {
		return n, end
	}
	return m.escape(i, end, depth)
}

// nested measures the value of type t at src[i], which contains a document or array. It adds up what
// is discarded inside a container and with it, because both are in dst at once.
func (m *lineMeter) nested(t byte, i, limit, depth int) (n, next int) {
	before := m.discarded
	m.discarded = 0
	switch t {
	case bsonwire.TypeDocument:
		n, next = m.container(i, limit, depth+1, embedded)
	case bsonwire.TypeArray:
		n, next = m.container(i, limit, depth+1, array)
	default:
		n, next = m.codeWithScope(i, limit, depth)
	}
	if next == inexact {
		written := n + m.discarded
		n, next = m.escape(i, i+bsonwire.Length(m.src, i), depth)
		m.discarded = max(written-n, 0)
	}
	m.discarded = max(m.discarded, before)
	return n, next
}

// escape measures the escape form of the value at src[i:end].
func (m *lineMeter) escape(i, end, depth int) (n, next int) {
	if m.strict {
		return 0, failed
	}
	if m.escaped += end - i; depth > 0 && m.escaped > maxEscaped*len(m.src) {
		return 0, inexact
	}
	return escapeFormLen(end - i), end
}

// escapeFormLen returns the length of the escape form of a value of size bytes.
func escapeFormLen(size int) int {
	return len(`{"`+escapeKey+`":{"type":"00","base64":""}}`) + base64.StdEncoding.EncodedLen(size)
}

func (m *lineMeter) codeWithScope(i, limit, depth int) (n, next int) {
	scope, end := bsonwire.CodeEnds(m.src, i, limit)
	if end < 0 {
		return 0, failed
	}
	n, ok := textLen(m.src[i+2*bsonwire.LengthSize : scope-1])
	if !ok {
		return n, inexact
	}
	size, next := m.container(scope, end, depth+1, scopeDocument)
	if next >= 0 && next != end {
		next = failed
	}
	return len(`{"$code":,"$scope":}`) + n + size, next
}

// simple returns the length of the value v of type t, which is no container. It returns false if
// Extended JSON cannot represent the value.
func (m *lineMeter) simple(t byte, v []byte) (int, bool) {
	ok := true
	switch t {
	case bsonwire.TypeString:
		return stringLen(v)
	case bsonwire.TypeInt32:
		return m.integer(int64(int32(binary.LittleEndian.Uint32(v))), len(`{"$numberInt":""}`)), true
	case bsonwire.TypeInt64:
		return m.integer(int64(binary.LittleEndian.Uint64(v)), len(`{"$numberLong":""}`)), true
	case bsonwire.TypeObjectID:
		return len(`{"$oid":""}`) + 2*len(v), true
	case bsonwire.TypeNull:
		return len(`null`), true
	case bsonwire.TypeUndefined:
		return len(`{"$undefined":true}`), true
	case bsonwire.TypeMinKey, bsonwire.TypeMaxKey:
		return len(`{"$minKey":1}`), true
	case bsonwire.TypeBoolean:
		m.number, ok = appendBoolean(m.number[:0], v[0])
	case bsonwire.TypeDouble:
		m.number, ok = appendDouble(m.number[:0], binary.LittleEndian.Uint64(v), m.relaxed)
	case bsonwire.TypeDecimal:
		m.number, ok = appendDecimal(m.number[:0], binary.LittleEndian.Uint64(v[8:]), binary.LittleEndian.Uint64(v))
	case bsonwire.TypeDate:
		m.number = appendDate(m.number[:0], int64(binary.LittleEndian.Uint64(v)), m.relaxed)
	case bsonwire.TypeTimestamp:
		m.number = appendTimestamp(m.number[:0], binary.LittleEndian.Uint64(v))
	default:
		return variableLen(t, v)
	}
	return len(m.number), ok
}

// integer returns the length of v, in canonical mode within a wrapper of this length.
func (m *lineMeter) integer(v int64, wrapper int) int {
	n := 1
	switch {
	case v > 0:
		n = digits(uint64(v))
	case v < 0:
		n = len(`-`) + digits(-uint64(v))
	}
	if m.relaxed {
		return n
	}
	return n + wrapper
}
