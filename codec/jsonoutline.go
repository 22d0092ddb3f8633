package codec

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
)

// longToken is the most bytes of a string or number that an outline contains. No field of a struct
// has a longer name.
const longToken = 64 << 10

// longestEscape is the most bytes that a JSON string may use for one byte of its text.
const longestEscape = len(`\u0000`)

// outline is a reader of a shorter JSON text with the same members: long names are cut, long values
// are null, and there is no white space. The text stays long only if it has many small values.
type outline struct {
	text  []byte // the unread text
	token []byte // the unread part of the current token
}

// Read implements [io.Reader].
func (o *outline) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(o.token) == 0 {
			if o.text = bytes.TrimLeft(o.text, jsonSpace); len(o.text) == 0 {
				break
			}
			o.next()
		}
		k := copy(p[n:], o.token)
		o.token = o.token[k:]
		n += k
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next reads the next token of the text.
func (o *outline) next() {
	end := 1
	switch c := o.text[0]; {
	case c == '"':
		end = stringEnd(o.text, 0)
	case inNumber(c):
		for end < len(o.text) && inNumber(o.text[end]) {
			end++
		}
	}
	token, rest := o.text[:end], o.text[end:]
	switch {
	case end <= longToken:
	case token[0] == '"' && isMember(rest):
		token = shortName(token)
	default:
		token = []byte("null")
	}
	o.token, o.text = token, rest
}

// inNumber reports whether c may be part of a number. No other value begins with such a byte.
func inNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// isMember reports whether the string before rest is the name of a member.
func isMember(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, jsonSpace), []byte(":"))
}

// shortName returns the quoted name of a member. A long name is cut.
func shortName(quoted []byte) []byte {
	if len(quoted) <= longToken {
		return quoted
	}
	const longest = len(`\u0000\u0000`) // the longest escape of one character
	cut := 1
	for at := 1; at < longToken-longest; {
		cut = at
		switch {
		case quoted[at] != '\\':
			at++
		case quoted[at+1] == 'u':
			at += len(`\u0000`)
		default:
			at += len(`\n`)
		}
	}
	return append(quoted[:cut:cut], '"')
}

// decodeOutline decodes the outline of text, which must be valid JSON, into a new value of the type
// that v points to. It returns the error of encoding/json, for a member without a field or for
// another reason.
func decodeOutline(text []byte, v any) error {
	d := json.NewDecoder(&outline{text: text})
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(reflect.TypeOf(v).Elem()).Interface())
}

// unknownField begins the text of the error that encoding/json returns for a member without a
// field.
const unknownField = "json: unknown field "

func isUnknown(err error) bool { return err != nil && strings.HasPrefix(err.Error(), unknownField) }
