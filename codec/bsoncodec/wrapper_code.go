package bsoncodec

import (
	"encoding/binary"

	"github.com/millweir/millweir/internal/bsonwire"
)

// code parses the text of $code, and an optional $scope after it.
func (p *parser) code(dst []byte, i, depth int) ([]byte, int, byte) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, i = p.codeText(dst, i)
	if i < 0 {
		return dst, failed, 0
	}
	if i = p.space(i); i < len(p.src) && p.src[i] == '}' {
		n := copy(dst[start:], dst[start+4:])
		return dst[:start+n], i + 1, bsonwire.TypeCode
	}
	key, i := p.comma(i)
	if i < 0 {
		return dst, failed, 0
	}
	if string(key) != "$scope" {
		return dst, p.fail(i, errWrapper), 0
	}
	if dst, i = p.scope(dst, i, depth); i < 0 {
		return dst, failed, 0
	}
	bsonwire.PutLength(dst, start)
	return dst, p.closing(i), bsonwire.TypeCodeWithScope
}

// scopeFirst parses the object of a $scope that comes before its $code.
func (p *parser) scopeFirst(dst []byte, i, depth int) ([]byte, int, byte) {
	start := len(dst)
	dst, i = p.scope(dst, i, depth)
	if i < 0 {
		return dst, failed, 0
	}
	key, i := p.comma(i)
	if i < 0 {
		return dst, failed, 0
	}
	if string(key) != "$code" {
		return dst, p.fail(i, errWrapper), 0
	}
	if i >= len(p.src) || p.src[i] != '"' {
		return dst, p.fail(i, errWrapper), 0
	}
	text, i := p.textUpTo(i+1, p.maxSize)
	if i < 0 {
		return dst, failed, 0
	}
	dst = p.insertCode(dst, start, text)
	bsonwire.PutLength(dst, start)
	return dst, p.closing(i), bsonwire.TypeCodeWithScope
}

// insertCode inserts, before the scope at dst[start:], a length and text as a BSON string. It leaves
// the length to the caller.
func (p *parser) insertCode(dst []byte, start int, text []byte) []byte {
	n, end := 2*bsonwire.LengthSize+len(text)+1, len(dst)
	dst = p.reserve(dst, n)[:end+n]
	copy(dst[start+n:], dst[start:end])
	code := dst[start+bsonwire.LengthSize : start+n]
	binary.LittleEndian.PutUint32(code, uint32(len(text)+1))
	copy(code[bsonwire.LengthSize:], text)
	code[len(code)-1] = 0
	return dst
}

// codeText parses the text at src[i] as a BSON string.
func (p *parser) codeText(dst []byte, i int) ([]byte, int) {
	if i >= len(p.src) || p.src[i] != '"' {
		return dst, p.fail(i, errWrapper)
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if dst, i = p.string(dst, i+1); i < 0 {
		return dst, failed
	}
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, i
}

// scope parses the object at src[i]. The first key of a scope never makes it a type wrapper.
func (p *parser) scope(dst []byte, i, depth int) ([]byte, int) {
	if i >= len(p.src) || p.src[i] != '{' {
		return dst, p.fail(i, errWrapper)
	}
	return p.object(dst, i+1, depth+1)
}
