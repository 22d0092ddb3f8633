// Package printable makes external text, from a server or an object, safe for error messages: it
// has no control characters that move the cursor, change colors or reorder the text. Its length is
// limited, and it contains no secret of a URL.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is the most bytes that Text returns, and the most bytes that Quote quotes. A note about the
// omitted bytes may follow.
const Max = 1 << 10

// Text returns [Escape] of s, cut at [Max] bytes.
func Text(s string) string {
	if len(s) <= Max && Is(s) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		shown, size := escapeFirst(rest)
		if b.Len()+len(shown) > Max {
			fmt.Fprintf(&b, "… (%d bytes more)", len(rest))
			break
		}
		b.WriteString(shown)
		rest = rest[size:]
	}
	return b.String()
}

// Escape returns s with the escape sequences of a Go string (\x1b, \u202e) for characters other
// than visible ones and spaces, and for bytes that are not UTF-8. It does not limit the length.
func Escape(s string) string {
	if Is(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		shown, size := escapeFirst(s)
		b.WriteString(shown)
		s = s[size:]
	}
	return b.String()
}

// escapeFirst returns the first character of s, escaped if necessary, and its length in s.
func escapeFirst(s string) (shown string, size int) {
	r, size := utf8.DecodeRuneInString(s)
	if !needsEscape(r) {
		return s[:size], size
	}
	return strings.Trim(strconv.Quote(s[:size]), `"`), size
}

// Quote returns s in quotes as %q does, cut at [Max] bytes.
func Quote(s string) string {
	if len(s) > Max {
		n := Max
		for n > 0 && !utf8.RuneStart(s[n]) && n > Max-utf8.UTFMax {
			n--
		}
		return strconv.Quote(s[:n]) + fmt.Sprintf("… (%d bytes more)", len(s)-n)
	}
	return strconv.Quote(s)
}

// Is reports whether [Escape] returns s unchanged.
func Is(s string) bool { return !strings.ContainsFunc(s, needsEscape) }

// needsEscape reports whether r is escaped. RuneError stands for bytes that are not UTF-8.
func needsEscape(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// HideURLs returns s with only the scheme and the host of each URL. Users, passwords, paths and
// queries may be secrets.
func HideURLs(s string) string {
	const mark = "://"
	if !strings.Contains(s, mark) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		host, after := cutURL(rest)
		b.WriteString(mark + host)
		s = after
	}
}

// cutURL splits the text after "://" into the host of the URL and the text after the URL. A user
// name or password may contain characters that should have been encoded, so the last @ of the word
// ends it.
func cutURL(s string) (host, after string) {
	word := s
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		word = s[:i]
	}
	authority := word[:endOf(word, "/?#"+around)]
	user := strings.LastIndexByte(authority, '@') + 1
	if user == 0 && !isHost(authority) { // a password with a slash, or a quote
		user = strings.LastIndexByte(word, '@') + 1
	}
	rest := word[user:]
	rest = strings.TrimRight(rest[:endOf(rest, around)], `\,;:.)'`)
	host = rest[:endOf(rest, "/?#")]
	after = s[user+len(rest):]
	if !isHost(host) {
		host = "[hidden]"
	}
	return host, after
}

// around are the bytes that enclose a URL in a text and do not occur in one.
const around = "\"`<>"

// endOf returns the index of the first byte of ends in s, or len(s).
func endOf(s, ends string) int {
	if i := strings.IndexAny(s, ends); i >= 0 {
		return i
	}
	return len(s)
}

// isHost reports whether s looks like HOST or HOST:PORT.
func isHost(s string) bool {
	name, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		name, port = s[:i], s[i+1:]
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = strings.ReplaceAll(name[1:len(name)-1], ":", "")
	}
	letters := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_%", r)
	}
	digits := func(r rune) bool { return r < '0' || r > '9' }
	return !strings.ContainsFunc(name, letters) && !strings.ContainsFunc(port, digits)
}
