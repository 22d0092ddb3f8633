package bsonwire

import (
	"fmt"
	"unicode/utf8"
)

// Level says how much a Checker checks. Each level includes those before it.
type Level int

const (
	Structure Level = iota // lengths, terminators, types and depth
	Values                 // booleans are 0 or 1, and the two lengths of binary subtype 2 agree
	Text                   // keys and texts are UTF-8
)

// Checker checks that raw BSON is well-formed.
type Checker struct {
	Src      []byte
	Level    Level
	MaxDepth int // levels of documents and arrays

	At  int   // the offset of the error
	Err error // why the last check failed
}

func (c *Checker) fail(at int, err error) int {
	c.At, c.Err = at, err
	return -1
}

// Document reports whether Src is one document.
func (c *Checker) Document() bool {
	if !HasLength(c.Src) {
		c.fail(0, ErrLength)
		return false
	}
	return c.container(0, len(c.Src), 1) >= 0
}

// Value reports whether Src[i:end] is one value of type t, in a document or array at this depth.
func (c *Checker) Value(t byte, i, end, depth int) bool {
	next := c.value(t, i, i, end, depth)
	if next >= 0 && next != end {
		c.fail(next, ErrLength)
	}
	return next == end
}

// container checks the document or array at Src[i], which must end before limit. It returns the
// offset after it, or -1.
func (c *Checker) container(i, limit, depth int) int {
	if limit-i < MinDocumentSize {
		return c.fail(i, ErrShort)
	}
	n := Length(c.Src, i)
	if n < MinDocumentSize || n > limit-i {
		return c.fail(i, ErrLength)
	}
	if depth > c.MaxDepth {
		return c.fail(i, fmt.Errorf("%w: more than %d levels", ErrDepth, c.MaxDepth))
	}
	end := i + n - 1
	if c.Src[end] != 0 {
		return c.fail(end, ErrTerminator)
	}
	for i += LengthSize; i < end; {
		element := i
		if i = KeyEnd(c.Src, i+1, end); i < 0 {
			return c.fail(element, ErrKey)
		}
		if c.Level >= Text && !utf8.Valid(c.Src[element+1:i-1]) {
			return c.fail(element, ErrUTF8)
		}
		t := c.Src[element]
		if n := FixedSize(t); n >= 0 && n <= end-i && c.Level == Structure { // most values, without a call
			i += n
			continue
		}
		if i = c.value(t, element, i, end, depth); i < 0 {
			return -1
		}
	}
	return i + 1
}

// value checks the value of type t at Src[i], which must end before limit, in a document or array
// at this depth. Its element begins at Src[element]. It returns the offset after the value, or -1.
func (c *Checker) value(t byte, element, i, limit, depth int) int {
	switch t {
	case TypeString:
		if end := StringEnd(c.Src, i, limit); end >= 0 && c.Level < Text {
			return end
		}
	case TypeDocument, TypeArray:
		return c.container(i, limit, depth+1)
	case TypeCodeWithScope:
		return c.codeWithScope(element, i, limit, depth)
	}
	end, err := ValueEnd(c.Src, t, i, limit)
	if err == nil {
		err = c.checkValue(t, i, end)
	}
	if err != nil {
		return c.fail(element, err)
	}
	return end
}

func (c *Checker) codeWithScope(element, i, limit, depth int) int {
	scope, end := CodeEnds(c.Src, i, limit)
	switch {
	case end < 0:
		return c.fail(i, ErrLength)
	case c.Level >= Text && !utf8.Valid(c.Src[i+2*LengthSize:scope-1]):
		return c.fail(element, ErrUTF8)
	}
	next := c.container(scope, end, depth+1)
	if next >= 0 && next != end {
		return c.fail(scope, ErrLength)
	}
	return next
}
