package bsoncodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// AppendBSON appends the document that text is, in MongoDB Extended JSON v2, canonical or relaxed, to dst as BSON and returns the
// longer slice. It keeps neither slice. White space around the document is passed over; anything else is an error.
//
// On an error, a [*SyntaxError] whose Line is 1, dst comes back as it was.
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

// parser turns one line of Extended JSON after another into BSON, in one pass that appends: no tree is built.
type parser struct {
	src      []byte // the line in hand
	maxDepth int
	maxSize  int

	start   int    // where the document begins in dst
	scratch []byte // a wrapper's text that has escapes

	at  int // where in src it failed
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

// document appends the document that text is. The line and offset are what an error tells.
func (p *parser) document(dst, text []byte, line, offset int64) ([]byte, error) {
	p.src, p.at, p.err, p.start = text, 0, nil, len(dst)
	i := p.space(0)
	switch {
	case i == len(text):
		p.at, p.err = i, ErrBlank
	case hasPrefix(text, i, "null") && p.space(i+4) == len(text):
		p.at, p.err = i, errNull
	case text[i] != '{':
		p.at, p.err = i, errObject
	default:
		out, next := p.root(dst, i+1)
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
	return dst[:p.start], &SyntaxError{Line: line, Offset: offset + int64(p.at), Column: p.at, Path: path, ID: id, Err: p.err}
}

// root parses the document itself, behind its brace. Of the type wrappers only the escape form has a meaning here.
func (p *parser) root(dst []byte, i int) ([]byte, int) {
	if j := p.space(i); j < len(p.src) && p.src[j] == '"' && j+1 < len(p.src) && (p.src[j+1] == '$' || p.src[j+1] == '\\') {
		if key, next := p.text(j + 1); next >= 0 && string(key) == escapeKey {
			dst, next, t := p.escaped(dst, next, 0)
			if next >= 0 && t != 0x03 {
				return dst, p.fail(i, errObject)
			}
			return dst, next
		}
	}
	return p.object(dst, i, 1)
}

// fail notes an error at offset at. At the end of the line it is that the text is cut.
func (p *parser) fail(at int, err error) int {
	if at >= len(p.src) {
		at, err = len(p.src), io.ErrUnexpectedEOF
	}
	p.at, p.err = at, err
	return failed
}

// space returns the first offset from i on that is no white space.
func (p *parser) space(i int) int {
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t' || p.src[i] == '\r' || p.src[i] == '\n') {
		i++
	}
	return i
}

// object parses an object as a document, behind its brace. It returns the offset behind the object.
func (p *parser) object(dst []byte, i, depth int) ([]byte, int) {
	if depth > p.maxDepth {
		return dst, p.fail(i-1, p.depthError())
	}
	start, src := len(dst), p.src
	dst = append(dst, 0, 0, 0, 0)
	for first := true; ; first = false {
		if i >= len(src) || src[i] <= ' ' {
			if i = p.space(i); i >= len(src) {
				return dst, p.fail(i, errName)
			}
		}
		if src[i] != '"' {
			if first && src[i] == '}' {
				break
			}
			return dst, p.fail(i, errName)
		}
		element := len(dst)
		if dst, i = p.key(dst, i+1); i < 0 {
			return dst, failed
		}
		if i >= len(src) || src[i] != ':' {
			if i = p.space(i); i >= len(src) || src[i] != ':' {
				return dst, p.fail(i, errColon)
			}
		}
		var t byte
		if dst, i, t = p.value(dst, i+1, depth); i < 0 {
			return dst, failed
		}
		dst[element] = t
		if len(dst)-p.start > p.maxSize {
			return dst, p.fail(min(i, len(src)-1), p.sizeError())
		}
		if i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i = p.space(i); i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i < len(src) && src[i] == '}' {
			break
		}
		return dst, p.fail(i, errComma)
	}
	return p.close(dst, start), i + 1
}

// array parses an array, behind its bracket. It returns the offset behind the array.
func (p *parser) array(dst []byte, i, depth int) ([]byte, int) {
	if depth > p.maxDepth {
		return dst, p.fail(i-1, p.depthError())
	}
	start, src := len(dst), p.src
	dst = append(dst, 0, 0, 0, 0)
	if i = p.space(i); i < len(src) && src[i] == ']' {
		return p.close(dst, start), i + 1
	}
	for n := uint64(0); ; n++ {
		element := len(dst)
		if n < 10 {
			dst = append(dst, 0, byte('0'+n), 0)
		} else {
			dst = append(appendUint(append(dst, 0), n), 0)
		}
		var t byte
		if dst, i, t = p.value(dst, i, depth); i < 0 {
			return dst, failed
		}
		dst[element] = t
		if len(dst)-p.start > p.maxSize {
			return dst, p.fail(min(i, len(src)-1), p.sizeError())
		}
		if i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i = p.space(i); i < len(src) && src[i] == ',' {
			i++
			continue
		}
		if i < len(src) && src[i] == ']' {
			return p.close(dst, start), i + 1
		}
		return dst, p.fail(i, errComma)
	}
}

// close ends the document or array that begins at dst[start].
func (p *parser) close(dst []byte, start int) []byte {
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

// value parses the value at src[i] and returns the offset behind it and its BSON type.
func (p *parser) value(dst []byte, i, depth int) ([]byte, int, byte) {
	src := p.src
	if i >= len(src) || src[i] <= ' ' {
		if i = p.space(i); i >= len(src) {
			return dst, p.fail(i, errValue), 0
		}
	}
	switch c := src[i]; c {
	case '"':
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if dst, i = p.string(dst, i+1); i < 0 {
			return dst, failed, 0
		}
		dst = append(dst, 0)
		binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
		return dst, i, 0x02
	case '{':
		return p.braced(dst, i+1, depth)
	case '[':
		dst, i = p.array(dst, i+1, depth+1)
		return dst, i, 0x04
	case 't':
		if hasPrefix(src, i, "true") {
			return append(dst, 1), i + 4, 0x08
		}
	case 'f':
		if hasPrefix(src, i, "false") {
			return append(dst, 0), i + 5, 0x08
		}
	case 'n':
		if hasPrefix(src, i, "null") {
			return dst, i + 4, 0x0A
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.number(dst, i)
	}
	return dst, p.fail(i, errValue), 0
}

// braced parses what begins with a brace, which lies before src[i]: a document or a type wrapper.
func (p *parser) braced(dst []byte, i, depth int) ([]byte, int, byte) {
	src := p.src
	if i+1 < len(src) && src[i] == '"' && src[i+1] == '$' {
		if dst, next, t := p.fastWrapper(dst, i+2); next >= 0 {
			return dst, next, t
		}
	}
	if j := p.space(i); j+1 < len(src) && src[j] == '"' && (src[j+1] == '$' || src[j+1] == '\\') {
		key, next := p.text(j + 1)
		if next < 0 {
			return dst, failed, 0
		}
		if w := wrapperOf(key); w != noWrapper {
			return p.wrapperValue(dst, w, i, next, depth)
		}
	}
	dst, i = p.object(dst, i, depth+1)
	return dst, i, 0x03
}

func (p *parser) depthError() error {
	return fmt.Errorf("%w: more than %d levels", ErrDepth, p.maxDepth)
}

func (p *parser) sizeError() error {
	return fmt.Errorf("%w: more than %d bytes of BSON", ErrSize, p.maxSize)
}

// hasPrefix tells whether src has s at i.
func hasPrefix(src []byte, i int, s string) bool {
	return len(src)-i >= len(s) && string(src[i:i+len(s)]) == s
}
