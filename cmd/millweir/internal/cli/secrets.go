package cli

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/printable"
)

const (
	hidden     = "[hidden]"
	hiddenText = "[a text that is not shown: it has a secret in it]"
)

// secrets are the values that no message may show: passwords, keys, tokens and user names. They are
// hidden in the values of a message, never in its fixed text, its JSON keys or its time. The
// methods work on a nil pointer, which has no secrets.
//
// A strong secret cannot be an ordinary word, so it is cut out of every value. A weak secret can be
// one, and a gap in a text would reveal it. So a text from outside that holds a weak secret is
// hidden as a whole. A name that the operator chose (a bucket, a host) is shown even if it holds
// one, because that reveals nothing.
type secrets struct {
	mu     sync.Mutex
	strong []string // longest first, because one may contain another
	weak   []string
	names  []string // weak user names: hidden only where the text marks them as one
}

// add makes the values secret, in every form that a text may hold.
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
		for _, form := range encodings(v) {
			s.strong = insert(s.strong, form)
		}
	}
}

// addNames makes user names secret.
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

// insert adds v to all if it is new. The longest come first.
func insert(all []string, v string) []string {
	if v == "" || slices.Contains(all, v) {
		return all
	}
	all = append(all, v)
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// forms returns v unchanged, escaped, quoted, and encoded for a URI.
func forms(v string) []string {
	quoted := strconv.Quote(v)
	return []string{v, printable.Escape(v), quoted[1 : len(quoted)-1], url.QueryEscape(v), url.PathEscape(v)}
}

// strong reports whether v cannot be part of ordinary text: it is long, or of medium length with
// three kinds of characters.
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

// local returns a value of the operator or the program without strong secrets.
func (s *secrets) local(text string) string {
	return hidePatterns(s.cutOut(printable.Escape(text)))
}

// foreign returns a text from outside, such as a server's error, on one line, without secrets,
// escaped and cut.
func (s *secrets) foreign(text string) string {
	whole := len(text)
	if whole > maxInput {
		text = text[:maxInput]
	}
	text = printable.Escape(joinLines(text))
	if s.hasWeak(text) {
		return hiddenText
	}
	clean := hidePatterns(s.hideNames(s.cutOut(text)))
	limit := maxText
	if whole > maxInput { // the last bytes may begin a secret
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

// hasWeak reports whether text holds a weak secret as a whole word.
func (s *secrets) hasWeak(text string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.weak, func(v string) bool { return hasWord(text, v) })
}

// hideNames hides weak user names in quotes, before an @, and after the word user.
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
			" "+v+"@", " "+hidden+"@", "user "+v, "user "+hidden, "user: "+v, "user: "+hidden,
			"User "+v, "User "+hidden,
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

// hasWord reports whether text holds value as a whole word.
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
