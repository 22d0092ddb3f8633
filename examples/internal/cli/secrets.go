package cli

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	hidden     = "[hidden]"
	hiddenText = "[a text that is not shown: it has a secret in it]"
)

// secrets are the values that no message may show: passwords, keys, tokens, and names of users.
// They are looked for in the values that a message is made of, never in the message itself: its own
// words, the keys of its JSON and its time stay as they are. The methods work on a nil pointer,
// which knows none.
//
// A strong secret is no word that a text would have by itself, so it is cut out of every value. A
// weak one may be: a text with a gap in place of an ordinary word would tell the word. So a text
// from outside with a weak secret in it is not shown at all; and what the operator named (a bucket,
// a host) is shown though it has one, because the name says nothing of the secret.
type secrets struct {
	mu     sync.Mutex
	strong []string // the longest first: one may contain another
	weak   []string
	names  []string // of users, that are weak: they are hidden only where the text says that it is one
}

// add makes the values secret, in every form in which a text may have them.
func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		for _, form := range forms(v) {
			if strong(v) {
				s.strong = insert(s.strong, form)
			} else {
				s.weak = insert(s.weak, form)
			}
		}
	}
}

// addNames makes names of users secret.
func (s *secrets) addNames(values ...string) {
	for _, v := range values {
		if strong(v) {
			s.add(v)
			continue
		}
		s.mu.Lock()
		for _, form := range forms(v) {
			s.names = insert(s.names, form)
		}
		s.mu.Unlock()
	}
}

// insert adds v to all, once. The longest come first.
func insert(all []string, v string) []string {
	if v == "" || slices.Contains(all, v) {
		return all
	}
	all = append(all, v)
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// forms returns v as texts have it: as it is, as messages write it, in quotes, and in a URI.
func forms(v string) []string {
	quoted := strconv.Quote(v)
	return []string{v, printable(v), quoted[1 : len(quoted)-1], url.QueryEscape(v), url.PathEscape(v)}
}

// strong reports whether v can be no part of an ordinary text: it is long, or not short and mixes
// kinds of characters.
func strong(v string) bool {
	var kinds [4]bool
	for _, r := range v {
		switch {
		case unicode.IsDigit(r):
			kinds[0] = true
		case unicode.IsUpper(r):
			kinds[1] = true
		case unicode.IsLetter(r):
			kinds[2] = true
		default:
			kinds[3] = true
		}
	}
	n := 0
	for _, has := range kinds {
		if has {
			n++
		}
	}
	return len(v) >= 16 || len(v) >= 8 && n > 2
}

// own returns a value that the operator or the program chose, without strong secrets.
func (s *secrets) own(text string) string {
	return hideLooks(s.cutOut(printable(text)))
}

// foreign returns a text from outside, as an error of a server, on one line, without secrets,
// escaped and cut.
func (s *secrets) foreign(text string) string {
	whole := len(text)
	if whole > maxInput {
		text = text[:maxInput]
	}
	text = printable(joinLines(text))
	if s.hasWeak(text) {
		return hiddenText
	}
	clean := hideLooks(s.hideNames(s.cutOut(text)))
	limit := maxText
	if whole > maxInput { // the last bytes may be the beginning of a secret
		limit = max(0, min(limit, len(clean)-s.longest()))
	}
	return truncate(clean, limit, whole)
}

func (s *secrets) cutOut(text string) string {
	if s == nil {
		return text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.strong {
		text = strings.ReplaceAll(text, v, hidden)
	}
	return text
}

// hasWeak reports whether text has a weak secret that is no part of a longer word.
func (s *secrets) hasWeak(text string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.weak, func(v string) bool { return hasWord(text, v) })
}

// hideNames hides the weak names of users in quotes, before an @ and after the word user.
func (s *secrets) hideNames(text string) string {
	if s == nil {
		return text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.names {
		text = strings.NewReplacer(
			`"`+v+`"`, `"`+hidden+`"`, `\"`+v+`\"`, `\"`+hidden+`\"`, "'"+v+"'", "'"+hidden+"'", "`"+v+"`",
			"`"+hidden+"`",
			" "+v+"@", " "+hidden+"@", "user "+v, "user "+hidden, "user: "+v, "user: "+hidden, "User "+v, "User "+hidden,
		).Replace(text)
	}
	return text
}

// longest returns the length of the longest secret.
func (s *secrets) longest() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, all := range [][]string{s.strong, s.weak, s.names} {
		if len(all) > 0 {
			n = max(n, len(all[0]))
		}
	}
	return n
}

// hasWord reports whether text has value, not inside a longer word.
func hasWord(text, value string) bool {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(value)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !(inWord(before) && inWord(first)) && !(inWord(last) && inWord(after)) {
			return true
		}
		from = start + 1
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
