package backup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millweir/millweir/source/mongosource"
)

// A pattern selects collections by name: "shop.orders", "shop.log_*", "shop" (all collections of the
// database), "*".
//
// The part before the first dot is for the database, the rest for the collection, which may have
// dots. A star stands for any characters, also for none and for dots. After a backslash, a star, a
// dot or a backslash is meant literally. Without a dot, the pattern is for all collections of the
// database.
type pattern struct {
	text                 string
	database, collection []token
}

// token is a byte of a pattern, or a star.
type token struct {
	star bool
	c    byte
}

// parsePattern parses a pattern.
func parsePattern(text string) (pattern, error) {
	p := pattern{text: text, collection: []token{{star: true}}}
	part := &p.database
	dotted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && (i+1 == len(text) || !strings.ContainsRune(`*.\`, rune(text[i+1]))):
			return p, badPattern(text, "a backslash must be followed by a star, a dot or a backslash")
		case c == '\\':
			i++
			*part = append(*part, token{c: text[i]})
		case c == '*':
			*part = append(*part, token{star: true})
		case c == '.' && !dotted:
			dotted = true
			p.collection = nil
			part = &p.collection
		default:
			*part = append(*part, token{c: c})
		}
	}
	if len(p.database) == 0 || len(p.collection) == 0 {
		return p, badPattern(text, "it has no name before or after the dot")
	}
	return p, nil
}

// ErrPattern means that a pattern of a selection or of a [RenameRule] is not valid.
var ErrPattern = fatal("the pattern is not valid")

func badPattern(text, why string) error { return fmt.Errorf("%w: %.60q: %s", ErrPattern, text, why) }

// matches reports whether the pattern selects the collection.
func (p pattern) matches(n mongosource.Namespace) bool {
	return matchTokens(p.database, n.Database) && matchTokens(p.collection, n.Collection)
}

var systemDatabases = []string{"admin", "config", "local"}

// includes reports whether the pattern, as one to include, selects the collection.
func (p pattern) includes(n mongosource.Namespace) bool {
	return p.includesDatabase(n.Database) && matchTokens(p.collection, n.Collection)
}

// includesDatabase reports whether the pattern, as one to include, may select collections of the
// database. Those of the server need their whole name.
func (p pattern) includesDatabase(name string) bool {
	if slices.Contains(systemDatabases, name) && slices.Contains(p.database, token{star: true}) {
		return false
	}
	return matchTokens(p.database, name)
}

// matchTokens reports whether the tokens stand for the name. It takes at most len(tokens) × len(name)
// steps.
func matchTokens(tokens []token, name string) bool {
	i, n := 0, 0
	star, mark := -1, 0 // the last star, and where the name went on after it
	for n < len(name) {
		switch {
		case i < len(tokens) && tokens[i].star:
			star, mark = i, n
			i++
		case i < len(tokens) && tokens[i].c == name[n]:
			i++
			n++
		case star >= 0:
			mark++
			i, n = star+1, mark
		default:
			return false
		}
	}
	for i < len(tokens) && tokens[i].star {
		i++
	}
	return i == len(tokens)
}

// patterns are the patterns of a selection.
type patterns struct{ include, exclude []pattern }

// parsePatterns parses patterns. Without one to include, everything is included.
func parsePatterns(include, exclude []string) (all patterns, err error) {
	if len(include) == 0 {
		include = []string{"*"}
	}
	if all.include, err = parseAll(include); err == nil {
		all.exclude, err = parseAll(exclude)
	}
	return all, err
}

func parseAll(texts []string) (all []pattern, _ error) {
	for _, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// selects reports whether a collection is included and not excluded.
func (p patterns) selects(n mongosource.Namespace) bool {
	return slices.ContainsFunc(p.include, func(q pattern) bool { return q.includes(n) }) &&
		!slices.ContainsFunc(p.exclude, func(q pattern) bool { return q.matches(n) })
}

// includesDatabase reports whether a collection of the database may be included.
func (p patterns) includesDatabase(name string) bool {
	return slices.ContainsFunc(p.include, func(q pattern) bool { return q.includesDatabase(name) })
}

// unmatched returns the patterns to include that select none of the names.
func (p patterns) unmatched(names []mongosource.Namespace) (texts []string) {
	for _, include := range p.include {
		found := false
		for _, n := range names {
			found = found || include.includes(n)
		}
		if !found {
			texts = append(texts, include.text)
		}
	}
	return texts
}
