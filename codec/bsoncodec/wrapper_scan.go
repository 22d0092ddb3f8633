package bsoncodec

import (
	"errors"
	"math"

	"github.com/millweir/millweir/internal/bsonwire"
)

// colon skips the colon after a key and returns the offset of the value.
func (p *parser) colon(i int) int {
	if i = p.space(i); i >= len(p.src) || p.src[i] != ':' {
		return p.fail(i, errColon)
	}
	if i = p.space(i + 1); i >= len(p.src) {
		return p.fail(i, errValue)
	}
	return i
}

// closing skips the brace that ends a type wrapper.
func (p *parser) closing(i int) int {
	switch i = p.space(i); {
	case i < len(p.src) && p.src[i] == '}':
		return i + 1
	case i < len(p.src) && p.src[i] == ',':
		return p.fail(i, errMore)
	}
	return p.fail(i, errWrapper)
}

// comma skips the comma between the keys of a type wrapper. It returns the next key and the offset
// of its value.
func (p *parser) comma(i int) ([]byte, int) {
	if i = p.space(i); i >= len(p.src) || p.src[i] != ',' {
		return nil, p.fail(i, errWrapper)
	}
	return p.name(i + 1)
}

// name returns the key at src[i], after white space, and the offset of its value.
func (p *parser) name(i int) ([]byte, int) {
	if i = p.space(i); i >= len(p.src) || p.src[i] != '"' {
		return nil, p.fail(i, errName)
	}
	key, i := p.text(i + 1)
	if i < 0 {
		return nil, failed
	}
	return key, p.colon(i)
}

// quoted returns the string at src[i], as text does, and the offset after it.
func (p *parser) quoted(i int) ([]byte, int) {
	if i >= len(p.src) || p.src[i] != '"' {
		return nil, p.fail(i, errWrapper)
	}
	return p.text(i + 1)
}

// digits returns the string at src[i], which must be a number.
func (p *parser) digits(i int) ([]byte, int) {
	if i >= len(p.src) || p.src[i] != '"' {
		return nil, p.fail(i, errWrapper)
	}
	s, next := p.textUpTo(i+1, maxNumber)
	if next < 0 && errors.Is(p.err, ErrSize) {
		return nil, p.fail(i, errLongNumber)
	}
	return s, next
}

// int returns the integer at src[i] and the offset after it.
func (p *parser) int(i int) (int64, int) {
	var b [8]byte
	v, next, t := p.number(b[:0], i)
	switch {
	case next < 0:
		return 0, failed
	case t == bsonwire.TypeInt32:
		return int64(int32(uint32(v[0]) | uint32(v[1])<<8 | uint32(v[2])<<16 | uint32(v[3])<<24)), next
	case t == bsonwire.TypeInt64:
		n, _ := parseInteger(p.src[i:next])
		return n, next
	}
	return math.MinInt64, p.fail(i, errWrapper)
}

// twoKeys parses an object at src[i] with exactly the keys first and second, in either order. For
// each, it calls f with 0 or 1 and the offset of the value; f returns the offset after the value.
// twoKeys returns the offset after the object.
func (p *parser) twoKeys(i int, first, second string, f func(n, i int) int) int {
	if i >= len(p.src) || p.src[i] != '{' {
		return p.fail(i, errWrapper)
	}
	var seen [2]bool
	key, i := p.name(i + 1)
	for range 2 {
		if i < 0 {
			return failed
		}
		n := 0
		switch string(key) {
		case first:
		case second:
			n = 1
		default:
			return p.fail(i, errWrapper)
		}
		if seen[n] {
			return p.fail(i, errTwice)
		}
		seen[n] = true
		if i = f(n, i); i < 0 {
			return failed
		}
		if seen[0] && seen[1] {
			return p.closing(i)
		}
		key, i = p.comma(i)
	}
	return failed
}
