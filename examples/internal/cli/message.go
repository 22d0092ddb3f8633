package cli

import (
	"strconv"
	"strings"
	"unicode"
)

// oneLine returns the text of err, what was joined to it included, on one line. What would move a terminal's cursor or colour its
// text is written out: an error may quote names and keys that somebody else chose.
func oneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = printable(strings.ToValidUTF8(strings.TrimSpace(lines[i]), "\ufffd"))
	}
	return strings.Join(lines, "; ")
}

// printable returns s with what is no visible character as Go writes it in a string: \x1b.
func printable(s string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, odd) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if odd(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
