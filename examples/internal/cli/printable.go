package cli

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText  = 1 << 10  // bytes of a text from outside that a message shows
	maxInput = 16 << 10 // bytes of it that are processed
)

// printable returns s with invisible characters and invalid bytes escaped as in a Go string: \x1b.
// So a text from outside cannot move the cursor of a terminal, color its text or change the
// direction of writing.
func printable(s string) string {
	if !strings.ContainsFunc(s, needsEscape) { // an invalid byte is the rune U+FFFD there
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func needsEscape(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// joinLines returns the lines of s as one line.
func joinLines(s string) string {
	if !strings.ContainsAny(s, "\n\r") {
		return s
	}
	var all []string
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, "; ")
}

// truncate returns at most limit bytes of s, without cutting a character. If it cuts, or whole
// exceeds maxInput, it appends whole, the length of the original text.
func truncate(s string, limit, whole int) string {
	if len(s) <= limit && whole <= maxInput {
		return s
	}
	limit = min(limit, len(s))
	for limit > 0 && limit < len(s) && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return fmt.Sprintf("%s… (%s in all)", s[:limit], Bytes(int64(whole)))
}
