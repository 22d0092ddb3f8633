package bsoncodec

import (
	"fmt"

	"github.com/millweir/millweir/internal/bsonwire"
)

// escaped parses the rest of an escape form after its key, at src[i], in a container at this depth.
// It returns the offset after the object and the type of the value.
func (p *parser) escaped(dst []byte, i, depth int) ([]byte, int, byte) {
	if i = p.colon(i); i < 0 {
		return dst, failed, 0
	}
	return p.escapedValue(dst, i, depth)
}

// escapedValue parses the object of an escape form, at src[i].
func (p *parser) escapedValue(dst []byte, i, depth int) ([]byte, int, byte) {
	var at [2]int
	end := p.twoKeys(i, "type", "base64", func(n, i int) int {
		at[n] = i
		_, next := p.quoted(i)
		return next
	})
	if end < 0 {
		return dst, failed, 0
	}
	if end = p.closing(end); end < 0 {
		return dst, failed, 0
	}
	s, _ := p.quoted(at[0])
	t, ok := hexByte(s)
	if !ok {
		return dst, p.fail(at[0], errBSONType), 0
	}
	s, _ = p.quoted(at[1])
	if !p.base64Fits(s) {
		return dst, p.fail(at[1], p.sizeError()), 0
	}
	start := len(dst)
	if dst, ok = appendBase64(dst, s); !ok {
		return dst, p.fail(at[1], errBase64), 0
	}
	c := bsonwire.Checker{Src: dst, MaxDepth: p.maxDepth}
	if !c.Value(t, start, len(dst), depth) {
		return dst, p.fail(at[1], fmt.Errorf("byte %d of its BSON: %w", c.At-start, c.Err)), 0
	}
	return dst, end, t
}
