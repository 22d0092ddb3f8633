package bsoncodec

import (
	"encoding/binary"
	"fmt"
)

// documentCheck checks the documents of a stream one after the other.
type documentCheck struct {
	deep, strict      bool
	maxDepth, maxSize int

	n      int64 // documents that passed
	offset int64 // their bytes
}

// size tells whether a document of n bytes may come next. Of doc it has what is at hand.
func (c *documentCheck) size(n int, doc []byte) error {
	switch {
	case n < 5:
		return c.refuse(doc, errLength)
	case n > c.maxSize:
		return c.refuse(doc, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, n, c.maxSize))
	}
	return nil
}

// document checks the next document.
func (c *documentCheck) document(doc []byte) error {
	if len(doc) < 5 || int(int32(binary.LittleEndian.Uint32(doc))) != len(doc) {
		return c.refuse(doc, errLength)
	}
	if len(doc) > c.maxSize {
		return c.size(len(doc), doc)
	}
	if c.deep {
		o := ValidateOptions{MaxDepth: c.maxDepth, Strict: c.strict}
		if err := o.validate(doc); err != nil {
			e := err.(*DocumentError) //nolint:errorlint // it is no other
			e.Document, e.Offset = c.n+1, e.Offset+c.offset
			return e
		}
	}
	c.n++
	c.offset += int64(len(doc))
	return nil
}

func (c *documentCheck) refuse(doc []byte, err error) error {
	return &DocumentError{Document: c.n + 1, Offset: c.offset, ID: locateID(doc), Err: err}
}
