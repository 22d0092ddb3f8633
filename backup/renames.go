package backup

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/millweir/millweir/source/mongosource"
)

// RenameRule renames collections. From is a pattern, as in [Select]. To has as many stars: each stands
// for what the star of From at the same place stood for.
//
//	{"shop", "shop_test"}         all collections of a database
//	{"shop.*", "test.shop_*"}     into another database, with a prefix
//	{"*.orders", "*.old_orders"}  one collection of each database
type RenameRule struct{ From, To string }

// renames returns a function for [RestoreOptions].Rename. The first rule that matches applies, and a
// collection that none matches keeps its name. The error names a rule that is not valid.
func renames(rules []RenameRule) (func(mongosource.Namespace) mongosource.Namespace, error) {
	all := make([]rename, len(rules))
	for i, rule := range rules {
		from, err := parsePattern(rule.From)
		if err != nil {
			return nil, err
		}
		to, err := parsePattern(rule.To)
		if err != nil {
			return nil, err
		}
		if stars(from.database) != stars(to.database) || stars(from.collection) != stars(to.collection) {
			return nil, fmt.Errorf("%w: %.60q and %.60q have different stars", ErrPattern, rule.From, rule.To)
		}
		all[i] = rename{expression(from.database), expression(from.collection), to}
	}
	return func(ns mongosource.Namespace) mongosource.Namespace {
		for _, r := range all {
			if to, ok := r.apply(ns); ok {
				return to
			}
		}
		return ns
	}, nil
}

// rename is a rule that was parsed.
type rename struct {
	database, collection *regexp.Regexp // with a group for each star
	to                   pattern
}

// apply returns the new name. It returns false if the rule does not match.
func (r rename) apply(ns mongosource.Namespace) (to mongosource.Namespace, ok bool) {
	database := r.database.FindStringSubmatch(ns.Database)
	collection := r.collection.FindStringSubmatch(ns.Collection)
	if database == nil || collection == nil {
		return to, false
	}
	return mongosource.Namespace{
		Database: fillStars(r.to.database, database[1:]), Collection: fillStars(r.to.collection, collection[1:]),
	}, true
}

func stars(tokens []token) (n int) {
	for _, t := range tokens {
		if t.star {
			n++
		}
	}
	return n
}

// expression returns a regular expression with a group for each star.
func expression(tokens []token) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	var text []byte
	for _, t := range tokens {
		if !t.star {
			text = append(text, t.c)
			continue
		}
		b.WriteString(regexp.QuoteMeta(string(text)) + "(.*)")
		text = nil
	}
	b.WriteString(regexp.QuoteMeta(string(text)) + `\z`)
	return regexp.MustCompile(b.String())
}

// fillStars returns the tokens with the values in place of the stars.
func fillStars(tokens []token, values []string) string {
	var b strings.Builder
	for _, t := range tokens {
		if !t.star {
			b.WriteByte(t.c)
			continue
		}
		b.WriteString(values[0])
		values = values[1:]
	}
	return b.String()
}
