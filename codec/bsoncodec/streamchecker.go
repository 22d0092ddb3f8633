package bsoncodec

import (
	"encoding/binary"
	"fmt"
)

// documentCheck checks the documents of a stream one after the other.
type streamChecker struct {
	validate, strict  bool
	maxDepth, maxSize int

	passed int64 // documents that passed
	offset int64 // their bytes
}

// size tells whether a document of n bytes may come next. Of doc it has what is at hand.
func (c *streamChecker) checkSize(n int, doc []byte) error {
	switch {
	case n < 5:
		return c.reject(doc, errLength)
	case n > c.maxSize:
		return c.reject(doc, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, n, c.maxSize))
	}
	return nil
}

// document checks the next document.
func (c *streamChecker) checkDocument(doc []byte) error {
	if len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc) {
		return c.reject(doc, errLength)
	}
	if len(doc) > c.maxSize {
		return c.checkSize(len(doc), doc)
	}
	if c.validate {
		o := ValidateOptions{MaxDepth: c.maxDepth, Strict: c.strict}
		if err := o.validate(doc); err != nil {
			e := err.(*DocumentError) //nolint:errorlint // it is no other
			e.Document, e.Offset = c.passed+1, e.Offset+c.offset
			return e
		}
	}
	c.passed++
	c.offset += int64(len(doc))
	return nil
}

func (c *streamChecker) reject(doc []byte, err error) error {
	return &DocumentError{Document: c.passed + 1, Offset: c.offset, ID: locateID(doc), Err: err}
}
