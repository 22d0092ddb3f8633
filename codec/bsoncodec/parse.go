package bsoncodec

import (
	"errors"
	"fmt"
	"io"

	"github.com/millweir/millweir/internal/bsonwire"
)

// AppendBSON parses one document of MongoDB Extended JSON v2, canonical or relaxed, appends it to
// dst as BSON and returns the extended slice. It keeps neither slice. It ignores white space around
// the document; any other text is an error.
//
// The error is a [*SyntaxError] with Line 1. Then AppendBSON returns dst unchanged.
func AppendBSON(dst, text []byte, opts *ParseExtJSONOptions) ([]byte, error) {
	var o ParseExtJSONOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return dst, err
	}
	if len(text) > o.MaxLine {
		return dst, lineTooLong(text[:o.MaxLine], 1, 0)
	}
	p := o.parser()
	return p.document(dst, text, 1, 0)
}

// parser converts lines of Extended JSON to BSON, in one pass that appends to a slice and builds no
// tree. Its methods return the offset after what they parsed, or a negative offset after a call of
// fail.
type parser struct {
	src      []byte // the current line
	maxDepth int
	maxSize  int

	start    int    // where the document begins in dst
	measured bool   // the length of the document has been computed
	scratch  []byte // text of a wrapper, unescaped

	at  int // the offset of the error in src
	err error
}

var (
	errText      = errors.New("text after the document")
	errSecond    = errors.New("a second document on the line")
	errNull      = fmt.Errorf("%w: null", ErrBlank)
	errObject    = errors.New("want an object")
	errValue     = errors.New("want a value")
	errName      = errors.New("want a key")
	errColon     = errors.New("want a colon")
	errComma     = errors.New("want a comma or the end")
	errNumber    = errors.New("not a number")
	errRange     = errors.New("number out of range")
	errControl   = errors.New("control character in a string")
	errEscape    = errors.New("bad escape in a string")
	errSurrogate = errors.New("lone surrogate in a string")
	errNUL       = errors.New("zero byte in a key or regular expression")

	errLongNumber = fmt.Errorf("%w: a number of more than %d characters", ErrSize, maxNumber)
)

// document parses text and appends the document. line and offset locate text in the stream, for
// errors.
func (p *parser) document(dst, text []byte, line, offset int64) ([]byte, error) {
	p.src, p.at, p.err, p.start, p.measured = text, 0, nil, len(dst), false
	if cap(p.scratch) > keptSize {
		p.scratch = nil
	}
	i := p.space(0)
	switch {
	case i == len(text):
		p.at, p.err = i, ErrBlank
	case hasPrefix(text, i, "null") && p.space(i+4) == len(text):
		p.at, p.err = i, errNull
	case text[i] != '{':
		p.at, p.err = i, errObject
	default:
		out, next := p.root(p.reserveDocument(dst), i+1)
		if next >= 0 {
			switch end := p.space(next); {
			case end < len(text) && text[end] == '{':
				p.at, p.err = end, errSecond
			case end < len(text):
				p.at, p.err = end, errText
			case len(out)-p.start > p.maxSize:
				p.at, p.err = next-1, p.sizeError()
			default:
				return out, nil
			}
		}
	}
	path, id := locateText(text, p.at)
	return dst[:p.start], &SyntaxError{
		Line: line, Offset: offset + int64(p.at), Column: p.at, Path: path, ID: id, Err: p.err,
	}
}

// root parses the outermost document, after its brace. Of the type wrappers, only the escape form
// is valid here.
func (p *parser) root(dst []byte, i int) ([]byte, int) {
	if j := p.space(i); p.maybeWrapper(j) {
		if key, next := p.text(j + 1); next >= 0 && string(key) == escapeKey {
			dst, next, t := p.escaped(dst, next, 0)
			if next >= 0 && t != bsonwire.TypeDocument {
				return dst, p.fail(i, errObject)
			}
			return dst, next
		}
	}
	return p.object(dst, i, 1)
}

// fail stores an error at this offset. At the end of the line, the error is that the text is
// truncated.
func (p *parser) fail(at int, err error) int {
	if at >= len(p.src) {
		at, err = len(p.src), io.ErrUnexpectedEOF
	}
	p.at, p.err = at, err
	return failed
}

// space returns the first offset from i on that is not white space.
func (p *parser) space(i int) int {
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t' || p.src[i] == '\r' || p.src[i] == '\n') {
		i++
	}
	return i
}

func (p *parser) depthError() error {
	return fmt.Errorf("%w: more than %d levels", ErrDepth, p.maxDepth)
}

func (p *parser) sizeError() error {
	return fmt.Errorf("%w: more than %d bytes of BSON", ErrSize, p.maxSize)
}

// hasPrefix reports whether src has s at i.
func hasPrefix(src []byte, i int, s string) bool {
	return len(src)-i >= len(s) && string(src[i:i+len(s)]) == s
}
