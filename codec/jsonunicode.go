package codec

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errNotUTF8   = fmt.Errorf("%w: text that is not UTF-8", ErrSyntax)
	errSurrogate = fmt.Errorf("%w: half of a surrogate pair", ErrSyntax)
)

// notUnicode returns the index of the first bytes that encoding/json would replace by U+FFFD, and
// the error for them. The error is nil if there are none.
func notUnicode(text []byte) (int, error) {
	if !utf8.Valid(text) {
		at := 0
		for {
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				return at, errNotUTF8
			}
			at += n
		}
	}
	if !bytes.Contains(text, []byte(`\u`)) {
		return 0, nil
	}
	for at := 0; at < len(text); {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			break
		}
		at += next
		unit, ok := escapedUnit(text[at:])
		switch {
		case !ok: // another escape
			at += 2
		case !utf16.IsSurrogate(unit):
			at += 6
		default:
			low, _ := escapedUnit(text[at+6:])
			if utf16.DecodeRune(unit, low) == utf8.RuneError {
				return at, errSurrogate
			}
			at += 12
		}
	}
	return 0, nil
}

// escapedUnit returns the UTF-16 code unit at the beginning of text, written as \u and four
// hexadecimal digits.
func escapedUnit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), err == nil
}
