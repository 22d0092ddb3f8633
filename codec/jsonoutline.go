package codec

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
)

// longToken is how many bytes of a string or number an outline shows. No field of a struct has a
// name as long.
const longToken = 64 << 10

// longestEscape is how many bytes of a string in JSON stand for a byte of its text at most.
const longestEscape = len(`\u0000`)

// outline reads as a JSON text, which has the same members and shows the beginning of their names.
// Long values are null, and there is no white space. So it is short, unless the text is of many
// small values.
type outline struct {
	text  []byte // that is left
	token []byte // that is left of the token in hand
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

// next takes the next token of the text.
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

// inNumber reports whether c is a byte of a number, and of no other value's beginning.
func inNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// isMember reports whether the string before rest is the name of a member.
func isMember(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, jsonSpace), []byte(":"))
}

// shortName returns the name of a member, in quotes, if it is long: its beginning, in quotes.
func shortName(quoted []byte) []byte {
	if len(quoted) <= longToken {
		return quoted
	}
	const longest = len(`\u0000\u0000`) // of what stands for a character
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

// decodeOutline decodes the outline of text, which is JSON, into a new value of the type that v
// points to. It returns the error of encoding/json for a member without a field, or for what else
// is wrong.
func decodeOutline(text []byte, v any) error {
	d := json.NewDecoder(&outline{text: text})
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(reflect.TypeOf(v).Elem()).Interface())
}

// unknownField is how encoding/json begins the text of an error for a member without a field.
const unknownField = "json: unknown field "

func isUnknown(err error) bool { return err != nil && strings.HasPrefix(err.Error(), unknownField) }
