package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const hidden = "[hidden]"

// secrets are the values that no message may show: passwords and keys. The methods work on a nil pointer, which knows none.
//
// A password may be an ordinary word. Replaced everywhere it would garble the program's own sentences, and so give itself
// away. Text of another's making is therefore cleaned of every secret where it enters a message, and the whole message once more of
// those that cannot be a word of it.
type secrets struct{ values []string }

// add makes the values secret.
func (s *secrets) add(values ...string) {
	for _, v := range values {
		quoted := strings.TrimSuffix(strings.TrimPrefix(strconv.Quote(v), `"`), `"`) // as %q has it
		for _, form := range []string{v, quoted} {
			if form != "" && !slices.Contains(s.values, form) {
				s.values = append(s.values, form)
			}
		}
	}
	// The longest first: one may contain another.
	slices.SortFunc(s.values, func(a, b string) int { return len(b) - len(a) })
}

// foreign returns text of another's making, as an error of a driver, without the secrets in it.
func (s *secrets) foreign(text string) string {
	if s != nil {
		for _, v := range s.values {
			text = strings.ReplaceAll(text, `"`+v+`"`, `"`+hidden+`"`)
			if len(v) >= 4 { // a shorter one is part of many words
				text = replaceWord(text, v)
			}
		}
	}
	return hideLooks(text)
}

// message returns a whole message without the secrets in it that cannot be a word of the message itself.
func (s *secrets) message(text string) string {
	if s != nil {
		for _, v := range s.values {
			if distinctive(v) {
				text = replaceWord(text, v)
			}
		}
	}
	return hideLooks(text)
}

// hide returns err with a text without the secrets in it.
func (s *secrets) hide(err error) error {
	text := s.foreign(err.Error())
	if text == err.Error() {
		return err
	}
	return &cleaned{text, err}
}

// cleaned is an error whose text had a secret in it. The error inside is for errors.Is and errors.As.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.err }

// distinctive reports whether v looks like no word and no number: it is long, or mixes letters, digits and signs.
func distinctive(v string) bool {
	var letter, digit, sign int
	for _, r := range v {
		switch {
		case unicode.IsLetter(r):
			letter = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			sign = 1
		}
	}
	return len(v) >= 16 || len(v) >= 6 && letter+digit+sign > 1
}

// replaceWord replaces value in text, except inside a longer word.
func replaceWord(text, value string) string {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	var b strings.Builder
	copied := 0 // bytes of text that are in b, or were replaced
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return b.String() + text[copied:]
		}
		start, end := from+i, from+i+len(value)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if inWord(before) && inWord(first) || inWord(last) && inWord(after) {
			from = start + 1
			continue
		}
		b.WriteString(text[copied:start] + hidden)
		copied, from = end, end
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// wantURI is how the messages of this package write a MongoDB URI. It looks like one with a password, and is none.
const wantURI = "mongodb://[user:password@]host[:port]/[?options]"

// looks are what secrets look like: they end up in a message if a flag is given the secret in place of a file's name, or the
// value of the flag next to it.
var looks = []struct {
	what *regexp.Regexp
	show string
}{
	{regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]*`), hidden},
	{regexp.MustCompile(`://[^\s/@]*:[^\s@]*@`), "://" + hidden + "@"}, // of a URI; a password may hold a slash
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*`), hidden},
}

// hideLooks returns text without what is a secret by its looks.
func hideLooks(text string) string {
	pieces := strings.Split(text, wantURI)
	for i := range pieces {
		for _, l := range looks {
			pieces[i] = l.what.ReplaceAllString(pieces[i], l.show)
		}
	}
	return strings.Join(pieces, wantURI)
}
