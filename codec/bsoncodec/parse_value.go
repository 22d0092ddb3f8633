package bsoncodec

import (
	"encoding/binary"

	"github.com/millweir/millweir/internal/bsonwire"
)

// value parses the value at src[i]. It returns the offset after it and its BSON type.
func (p *parser) value(dst []byte, i, depth int) ([]byte, int, byte) {
	src := p.src
	if i >= len(src) || src[i] <= ' ' {
		if i = p.space(i); i >= len(src) {
			return dst, p.fail(i, errValue), 0
		}
	}
	switch c := src[i]; c {
	case '"':
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if dst, i = p.string(dst, i+1); i < 0 {
			return dst, failed, 0
		}
		dst = append(dst, 0)
		binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
		return dst, i, bsonwire.TypeString
	case '{':
		return p.braced(dst, i+1, depth)
	case '[':
		dst, i = p.array(dst, i+1, depth+1)
		return dst, i, bsonwire.TypeArray
	case 't':
		if hasPrefix(src, i, "true") {
			return append(dst, 1), i + 4, bsonwire.TypeBoolean
		}
	case 'f':
		if hasPrefix(src, i, "false") {
			return append(dst, 0), i + 5, bsonwire.TypeBoolean
		}
	case 'n':
		if hasPrefix(src, i, "null") {
			return dst, i + 4, bsonwire.TypeNull
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.number(dst, i)
	}
	return dst, p.fail(i, errValue), 0
}

// maybeWrapper reports whether src[i] begins a key that may name a type wrapper: its first
// character is a dollar sign or an escape.
func (p *parser) maybeWrapper(i int) bool {
	src := p.src
	return i+1 < len(src) && src[i] == '"' && (src[i+1] == '$' || src[i+1] == '\\')
}

// braced parses an object as a document or a type wrapper. src[i] is the byte after the brace.
func (p *parser) braced(dst []byte, i, depth int) ([]byte, int, byte) {
	src := p.src
	if i+1 < len(src) && src[i] == '"' && src[i+1] == '$' {
		if dst, next, t := p.fastWrapper(dst, i+2); next >= 0 {
			return dst, next, t
		}
	}
	if j := p.space(i); p.maybeWrapper(j) {
		key, next := p.text(j + 1)
		if next < 0 {
			return dst, failed, 0
		}
		if w := wrapperOf(key); w != noWrapper {
			return p.wrapperValue(dst, w, i, next, depth)
		}
	}
	dst, i = p.object(dst, i, depth+1)
	return dst, i, bsonwire.TypeDocument
}
