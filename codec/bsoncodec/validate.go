package bsoncodec

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// ValidateOptions tunes [Validate], and the checks of [BSON] and [ParseBSON]. The zero value is ready to use.
type ValidateOptions struct {
	MaxDepth int  // levels of documents and arrays, at least 1; 0 means 200
	Strict   bool // refuse also what the BSON specification forbids though it is found, and can be kept: text that is not UTF-8, booleans other than 0 and 1, binary subtype 2 with two lengths
}

// Validate checks the structure of doc, which must be one whole document: every length, terminator and type, and the depth.
// The error is a [*DocumentError].
func Validate(doc []byte, opts *ValidateOptions) error {
	var o ValidateOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return err
	}
	return o.validate(doc)
}

// check tells whether the settings make sense, and completes them.
func (o *ValidateOptions) check() error {
	return checkDepth(&o.MaxDepth)
}

func (o *ValidateOptions) validate(doc []byte) error {
	c := checker{src: doc, strict: o.Strict, maxDepth: o.MaxDepth}
	if len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc) {
		c.err = errLength
	} else if c.container(0, len(doc), 1) >= 0 {
		return nil
	}
	path, id := locate(doc, c.at)
	if c.at == 0 {
		id = locateID(doc)
	}
	return &DocumentError{Offset: int64(c.at), Path: path, ID: id, Err: c.err}
}

// checker checks the structure of raw BSON.
type checker struct {
	src      []byte
	strict   bool
	maxDepth int

	at  int // where it failed
	err error
}

func (c *checker) fail(at int, err error) int {
	c.at, c.err = at, err
	return failed
}

// container checks the document or array at src[i], which must end before limit, and returns the offset behind it or failed.
func (c *checker) container(i, limit, depth int) int {
	if limit-i < 5 {
		return c.fail(i, errShort)
	}
	n := int(int32(binary.LittleEndian.Uint32(c.src[i:])))
	if n < 5 || n > limit-i {
		return c.fail(i, errLength)
	}
	if depth > c.maxDepth {
		return c.fail(i, fmt.Errorf("%w: more than %d levels", ErrDepth, c.maxDepth))
	}
	end := i + n - 1
	if c.src[end] != 0 {
		return c.fail(end, errTerminator)
	}
	for i += 4; i < end; {
		element := i
		if i = keyEnd(c.src, i+1, end); i < 0 {
			return c.fail(element, errKey)
		}
		if c.strict && !utf8.Valid(c.src[element+1:i-1]) {
			return c.fail(element, errUTF8)
		}
		t := c.src[element]
		if n := int(fixedSize[t]) - 1; n >= 0 && n <= end-i && !c.strict { // most values, without a call
			i += n
			continue
		}
		if i = c.value(t, element, i, end, depth); i < 0 {
			return failed
		}
	}
	return i + 1
}

// value checks the value of type t at src[i], which must end before limit, in a container of this depth. Its element begins at
// src[element]. It returns the offset behind the value or failed.
func (c *checker) value(t byte, element, i, limit, depth int) int {
	switch t {
	case 0x02:
		if end := stringEnd(c.src, i, limit); end >= 0 && !c.strict {
			return end
		}
	case 0x03, 0x04:
		return c.container(i, limit, depth+1)
	case 0x0F:
		scope, end := codeEnds(c.src, i, limit)
		switch {
		case end < 0:
			return c.fail(i, errLength)
		case c.strict && !utf8.Valid(c.src[i+8:scope-1]):
			return c.fail(element, errUTF8)
		}
		next := c.container(scope, end, depth+1)
		if next >= 0 && next != end {
			return c.fail(scope, errLength)
		}
		return next
	}
	end, err := valueEnd(c.src, t, i, limit)
	if err == nil && c.strict {
		err = checkStrict(c.src, t, i, end)
	}
	if err != nil {
		return c.fail(element, err)
	}
	return end
}

// whole checks that src[i:end] is one value of type t, in a container of this depth.
func (c *checker) whole(t byte, i, end, depth int) bool {
	next := c.value(t, i, i, end, depth)
	if next >= 0 && next != end {
		c.fail(next, errLength)
	}
	return next == end
}
