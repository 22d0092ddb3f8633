package bsoncodec

import (
	"encoding/binary"
	"slices"
)

// code parses the text of $code, and the $scope that may follow it.
func (p *parser) code(dst []byte, i, depth int) ([]byte, int, byte) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, i = p.codeText(dst, i)
	if i < 0 {
		return dst, failed, 0
	}
	if i = p.space(i); i < len(p.src) && p.src[i] == '}' {
		n := copy(dst[start:], dst[start+4:])
		return dst[:start+n], i + 1, 0x0D
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
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst, p.closing(i), 0x0F
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
	if p.scratch, i = p.codeText(append(p.scratch[:0], 0, 0, 0, 0), i); i < 0 {
		return dst, failed, 0
	}
	dst = slices.Insert(dst, start, p.scratch...)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst, p.closing(i), 0x0F
}

// codeText parses the text at src[i] as a string of BSON.
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

// scope parses the object at src[i]. No key in it is a type wrapper of the scope itself.
func (p *parser) scope(dst []byte, i, depth int) ([]byte, int) {
	if i >= len(p.src) || p.src[i] != '{' {
		return dst, p.fail(i, errWrapper)
	}
	return p.object(dst, i+1, depth+1)
}
