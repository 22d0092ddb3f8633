package cli

import (
	"fmt"
	"io"
	"regexp"
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

// redactor is a writer that knows the secrets of the run and lets none of them through, nor what is a secret by its looks.
type redactor struct {
	w       io.Writer
	secrets []string
}

// looks are what secrets look like: they end up in a message where a flag is given the secret in place of a file's name, or the
// value of the flag beside it.
var looks = []struct {
	what *regexp.Regexp
	show string
}{
	{regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]*`), "[hidden]"},
	{regexp.MustCompile(`://[^\s/@]*:[^\s@]*@`), "://[hidden]@"}, // of a URI; a password may hold a slash that should have been encoded
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*`), "[hidden]"},
}

// hide adds a secret. Shorter ones than four bytes would garble every message, and none quotes them.
func (r *redactor) hide(s string) {
	if len(s) < 4 {
		return
	}
	r.secrets = append(r.secrets, s)
	if quoted := strings.Trim(strconv.Quote(s), `"`); quoted != s { // as log lines have it
		r.secrets = append(r.secrets, quoted)
	}
}

// Write implements [io.Writer]. Every message is one Write.
func (r *redactor) Write(b []byte) (int, error) {
	text := string(b)
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, "[hidden]")
	}
	for _, l := range looks {
		text = l.what.ReplaceAllString(text, l.show)
	}
	if _, err := io.WriteString(r.w, text); err != nil {
		return 0, fmt.Errorf("write a message: %w", err)
	}
	return len(b), nil
}
