package bsoncodec

import (
	"fmt"

	"github.com/millweir/millweir/internal/bsonwire"
)

// AppendExtJSON appends doc to dst as one document of MongoDB Extended JSON v2, without a newline,
// and returns the extended slice. It keeps neither slice. The length in doc must be len(doc).
//
// A value that JSON cannot represent is written in the escape form of the package comment, or is an
// error if opts.Strict is set. The error is a [*DocumentError]. Then AppendExtJSON returns dst
// unchanged.
func AppendExtJSON(dst []byte, doc []byte, opts *ExtJSONOptions) ([]byte, error) {
	var o ExtJSONOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return dst, err
	}
	w := o.writer()
	return w.document(dst, doc)
}

// writer converts raw documents to Extended JSON, in one pass that checks the BSON too.
type writer struct {
	src      []byte // the current document
	relaxed  bool
	strict   bool
	maxDepth int
	maxSize  int
	maxLine  int

	start         int    // where the line begins in dst
	measured      bool   // the length of the line has been computed
	escaped       int    // bytes written in the escape form, including those written again
	at            int    // the offset of the error in src
	err           error  // the error
	inexactReason string // why a container is inexact
}

// Results in place of an offset if a container could not be written.
const (
	failed  = -1 // at and err are set
	inexact = -2 // valid BSON that JSON cannot represent: the value around it must be escaped
)

// kind is how a parser treats the first key of a container.
type kind byte

const (
	topLevel      kind = iota // only the key of the escape form has a meaning
	embedded                  // the keys of all type wrappers have a meaning
	scopeDocument             // no key has a meaning
	array                     // keys are not written
)

// document appends doc. On an error it returns dst unchanged.
func (w *writer) document(dst, doc []byte) ([]byte, error) {
	start := len(dst)
	w.src, w.start, w.measured, w.escaped, w.at, w.err = doc, start, false, 0, 0, nil
	switch {
	case !bsonwire.HasLength(doc):
		w.err = bsonwire.ErrLength
	case len(doc) > w.maxSize:
		w.err = fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(doc), w.maxSize)
	default:
		var end int
		if dst, end = w.reserveLine(dst); end >= 0 {
			dst, end = w.container(dst, 0, len(doc), 1, topLevel)
		}
		if end >= 0 && len(dst)-start > w.maxLine {
			end = w.tooLong()
		}
		if end == inexact {
			dst, end = w.escape(dst, start, bsonwire.TypeDocument, 0, len(doc), 0)
		}
		if end >= 0 && len(dst)-start > w.maxLine {
			end = w.fail(0, lineSizeError(w.maxLine))
		}
		if end >= 0 {
			return dst, nil
		}
	}
	return dst[:start], documentError(doc, w.at, w.err)
}

// tooLong returns inexact for a document whose line exceeds the limit.
func (w *writer) tooLong() int {
	w.at, w.inexactReason = 0, "a line that is too long"
	return inexact
}

// fail stores an error at this offset.
func (w *writer) fail(at int, err error) int {
	w.at, w.err = at, err
	return failed
}
