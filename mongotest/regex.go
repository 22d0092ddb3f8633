package mongotest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// regexCondition returns the condition that a field matches a regular expression: {field: /…/}, or
// {$regex: …, $options: …}.
func regexCondition(path []string, v, flags bson.RawValue) (predicate, error) {
	pattern, options := "", ""
	switch v.Type {
	case bson.TypeRegex:
		pattern, options = v.Regex()
	case bson.TypeString:
		pattern = v.StringValue()
	default:
		return nil, fmt.Errorf("$regex has to be a string")
	}
	if !flags.IsZero() {
		own, isText := flags.StringValueOK()
		switch {
		case !isText:
			return nil, fmt.Errorf("$options has to be a string")
		case options != "":
			return nil, fmt.Errorf("options set in both $regex and $options")
		}
		options = own
	}
	expression, err := compile(pattern, options)
	if err != nil {
		return nil, err
	}
	return func(d bson.Raw) bool {
		return slices.ContainsFunc(valuesAt(d, path), func(v bson.RawValue) bool {
			switch v.Type {
			case bson.TypeString, bson.TypeSymbol:
				return expression.Match(bsonorder.Text(v))
			case bson.TypeRegex: // equal to itself
				p, o := v.Regex()
				return p == pattern && o == options
			}
			return false
		})
	}, nil
}

// compile returns a regular expression that matches what a server's (PCRE) matches. It refuses what
// Go's regular expressions do not have, or have with another meaning.
func compile(pattern, options string) (*regexp.Regexp, error) {
	refused := func(why string) error {
		return fmt.Errorf("mongotest: the regular expression /%s/%s is not supported: %s", pattern, options, why)
	}
	if strings.Trim(options, "ims") != "" {
		return nil, refused("of the options, only i, m and s are")
	}
	translated, err := translate(pattern, strings.Contains(options, "m"))
	if err != nil {
		return nil, refused(err.Error())
	}
	if options != "" {
		translated = "(?" + options + ")" + translated
	}
	expression, err := regexp.Compile(translated)
	if err != nil {
		return nil, refused(err.Error())
	}
	return expression, nil
}

// translate rewrites what PCRE and Go read differently, or refuses it. In PCRE, $ also matches before
// a newline at the end, ^ with the option m does not match after it, and \s and \S know the vertical
// tab.
func translate(pattern string, multiline bool) (string, error) {
	var out strings.Builder
	class := false // within brackets
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		rest := pattern[i+1:]
		switch {
		case c == '\\' && rest == "":
			return "", fmt.Errorf("it ends with a backslash")
		case c == '\\':
			i++
			text, ok := escapeOf(rest[0], class)
			if !ok {
				return "", fmt.Errorf(`\%c`, rest[0])
			}
			out.WriteString(text)
		case class && c == '[' && rest != "" && strings.IndexByte(":.=", rest[0]) >= 0:
			return "", fmt.Errorf("[%c in a class", rest[0])
		case class:
			class = c != ']'
			out.WriteByte(c)
		case c == '[':
			class = true
			out.WriteByte(c)
			if end := leadingBracket(rest); end > 0 { // []…] and [^]…]
				out.WriteString(rest[:end])
				i += end
			}
		case c == '^' && multiline && !consumes(rest):
			return "", fmt.Errorf("with m, ^ before anything but a letter or digit")
		case c == '$' && !multiline && endsHere(rest):
			out.WriteString(`(?:\n?\z)`)
		case c == '$' && !multiline:
			return "", fmt.Errorf("$ in the middle")
		case c == '(' && strings.HasPrefix(rest, "?"):
			if !strings.HasPrefix(rest, "?:") {
				return "", fmt.Errorf("(?")
			}
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// consumes reports whether an expression begins with a letter or digit that it matches at least once.
func consumes(expression string) bool {
	if expression == "" {
		return false
	}
	c := expression[0]
	literal := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return literal && (len(expression) == 1 || strings.IndexByte("*?{", expression[1]) < 0)
}

// endsHere reports whether nothing can match after a place in an expression: only the ends of groups
// and other alternatives follow.
func endsHere(rest string) bool {
	for rest != "" {
		switch rest[0] {
		case ')':
			rest = rest[1:]
		case '|':
			rest = fromGroupEnd(rest)
		default:
			return false
		}
	}
	return true
}

// fromGroupEnd returns the rest of an expression from the ) that closes the group in which it begins.
// It is empty if there is none.
func fromGroupEnd(rest string) string {
	depth, class := 0, false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			i += leadingBracket(rest[i+1:])
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return rest[i:]
		case c == ')':
			depth--
		}
	}
	return ""
}

// escapeOf returns the translation of \c.
func escapeOf(c byte, class bool) (string, bool) {
	switch {
	case c == 's' && class:
		return `\s\v`, true
	case c == 's':
		return `[\s\v]`, true
	case c == 'S' && !class:
		return `[^\s\v]`, true
	case strings.IndexByte("dDwWbBAznrtf", c) >= 0 && !(class && (c == 'b' || c == 'B' || c == 'A' || c == 'z')):
		return `\` + string(c), true
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return "", false
	}
	return `\` + string(c), true
}

// leadingBracket returns the length of the beginning of a class that has a literal ].
func leadingBracket(class string) int {
	for _, begin := range []string{"]", "^]"} {
		if strings.HasPrefix(class, begin) {
			return len(begin)
		}
	}
	return 0
}
