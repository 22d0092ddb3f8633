package bsoncodec

import (
	"fmt"

	"github.com/millweir/millweir/internal/bsonwire"
)

// streamChecker checks the documents of a stream in order.
type streamChecker struct {
	validate, strict  bool
	maxDepth, maxSize int

	passed int64 // documents that passed
	offset int64 // bytes of these documents
}

// checkSize returns an error if the next document must not have n bytes. doc holds the available
// part of the document.
func (c *streamChecker) checkSize(n int, doc []byte) error {
	switch {
	case n < bsonwire.MinDocumentSize:
		return c.reject(doc, bsonwire.ErrLength)
	case n > c.maxSize:
		return c.reject(doc, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, n, c.maxSize))
	}
	return nil
}

// checkDocument checks the next document.
func (c *streamChecker) checkDocument(doc []byte) error {
	if !bsonwire.HasLength(doc) {
		return c.reject(doc, bsonwire.ErrLength)
	}
	if len(doc) > c.maxSize {
		return c.checkSize(len(doc), doc)
	}
	if c.validate {
		o := ValidateOptions{MaxDepth: c.maxDepth, Strict: c.strict}
		if err := o.validate(doc); err != nil {
			e := err.(*DocumentError) //nolint:errorlint // validate returns no other type
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
