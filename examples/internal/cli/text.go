package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Foreign is a text that came from outside, as a server's ETag or the name of an index. A message
// shows it escaped, cut at about 1 KiB, and without secrets.
type Foreign string

// Text is a message: the program's own words, with values in it. Secrets are hidden in the values,
// before they are formatted.
//
// A string is a value that the operator or the program chose. An error that this package did not
// make is foreign, as is a [Foreign].
type Text struct {
	format string
	args   []any
	cause  error // for errors.Is and errors.As, if it is not one of args
}

// Textf returns a [Text]. The verb %w is that of an error.
func Textf(format string, args ...any) *Text { return &Text{format: format, args: args} }

// Errorf is [fmt.Errorf] for a message of the program: see [Text].
func Errorf(format string, args ...any) error { return Textf(format, args...) }

// Error returns the message as it is shown if there are no secrets.
func (t *Text) Error() string { return t.text(nil) }

// Unwrap returns the errors in the message.
func (t *Text) Unwrap() []error {
	var all []error
	for _, a := range t.args {
		if err, ok := a.(error); ok {
			all = append(all, err)
		}
	}
	if t.cause != nil {
		all = append(all, t.cause)
	}
	return all
}

// of has errors.Is and errors.As find cause, which the message does not show.
func (t *Text) withCause(cause error) *Text {
	t.cause = cause
	return t
}

func (t *Text) text(s *secrets) string {
	args := make([]any, len(t.args))
	for i, a := range t.args {
		args[i] = s.value(a)
	}
	return fmt.Sprintf(strings.ReplaceAll(t.format, "%w", "%s"), args...)
}

// texter is an error of this package: it knows which of its text came from outside.
type texter interface{ text(s *secrets) string }

// value returns a value of a message as it is shown: a string without secrets, or what is no text,
// as it is.
func (s *secrets) value(v any) any {
	switch v := v.(type) {
	case Foreign:
		return s.foreign(string(v))
	case []Foreign:
		all := make([]string, len(v))
		for i := range v {
			all[i] = s.foreign(string(v[i]))
		}
		return all
	case error:
		return s.describe(v)
	case string:
		return s.own(v)
	case []string:
		all := make([]string, len(v))
		for i := range v {
			all[i] = s.own(v[i])
		}
		return all
	case fmt.Stringer:
		return s.own(v.String())
	}
	return v
}

// describe returns the text of err on one line, what was joined to it included.
func (s *secrets) describe(err error) string {
	if t, ok := err.(texter); ok { //nolint:errorlint // what it wraps has another text
		return t.text(s)
	}
	switch e := err.(type) { //nolint:errorlint // likewise
	case *stream.PanicError:
		return (&Panic{Value: e.Value, Stack: e.Stack}).text(s)
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		if errors.Join(all...) == nil || errors.Join(all...).Error() != err.Error() {
			break
		}
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = s.describe(all[i])
		}
		return strings.Join(texts, "; ")
	case interface{ Unwrap() error }: // one that adds a class adds no text
		if inner := e.Unwrap(); inner != nil && inner.Error() == err.Error() {
			return s.describe(inner)
		}
	}
	return s.foreign(err.Error())
}
