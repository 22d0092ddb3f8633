// Package printable makes text that comes from outside, from a server or an object, fit for an error message: nothing in it
// moves a terminal's cursor, changes its colours or reorders what a person reads, it has an end, and it keeps no secret of a URL.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is how many bytes Text and Quote return at most, without the note that says how much was left out.
const Max = 1 << 10

// Text returns s with everything but visible characters and spaces as Go writes it in a string (\x1b, \u202e), cut at [Max] bytes.
func Text(s string) string {
	if len(s) <= Max && !strings.ContainsFunc(s, odd) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		shown := rest[:size]
		if odd(r) {
			shown = strings.Trim(strconv.Quote(shown), `"`)
		}
		if b.Len()+len(shown) > Max {
			fmt.Fprintf(&b, "… (%d bytes more)", len(rest))
			break
		}
		b.WriteString(shown)
		rest = rest[size:]
	}
	return b.String()
}

// Quote returns s in quotes, as %q does, cut at [Max] bytes.
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

// Is reports whether Text would show s as it is, but for its length.
func Is(s string) bool { return !strings.ContainsFunc(s, odd) }

// odd reports whether r is shown as an escape. RuneError stands for bytes that are not UTF-8.
func odd(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// HideURLs returns s with scheme and host alone left of each URL: users, passwords, paths and queries may be secrets.
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

// cutURL splits what follows "://" into the host of the URL and the text after the URL. A user may have characters that should
// have been encoded: the last @ of the word ends it.
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

// around are the bytes that stand around a URL in a text, and in none.
const around = "\"`<>"

// endOf returns where s has the first of the bytes that end it.
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
