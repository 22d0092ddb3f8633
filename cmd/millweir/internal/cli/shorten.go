package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/printable"
)

const (
	maxText  = printable.Max // bytes of a text from outside that a message shows
	maxInput = 16 << 10      // bytes of it that are processed
)

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
