package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Foreign is a text from outside, such as a server's ETag or the name of an index. A message shows
// it escaped, cut at about 1 KiB, and without secrets.
type Foreign string

// Text is a message: a format of the program and its values. Secrets are hidden in the values
// before they are formatted.
//
// A value of type string comes from the operator or the program. A [Foreign] and an error that this
// package did not make come from outside.
type Text struct {
	format string
	args   []any
	cause  error // for errors.Is and errors.As, if it is not one of args
}

// Textf returns a [Text]. The verb %w formats an error.
func Textf(format string, args ...any) *Text { return &Text{format: format, args: args} }

// Errorf is [fmt.Errorf] for a message of the program: see [Text].
func Errorf(format string, args ...any) error { return Textf(format, args...) }

// Error returns the message without hiding any known secrets.
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

// withCause lets errors.Is and errors.As find cause, which the message does not show.
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

// texter is an error of this package. It knows which parts of its text come from outside.
type texter interface{ text(s *secrets) string }

// value returns the form of v that a message shows: a text without secrets, or v itself if it is
// not a text.
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
		return s.local(v)
	case []string:
		all := make([]string, len(v))
		for i := range v {
			all[i] = s.local(v[i])
		}
		return all
	case fmt.Stringer:
		return s.local(v.String())
	}
	return v
}

// describe returns the text of err, joined errors included, on one line.
func (s *secrets) describe(err error) string {
	if t, ok := err.(texter); ok { //nolint:errorlint // a wrapped error has another text
		return t.text(s)
	}
	switch e := err.(type) { //nolint:errorlint // a wrapped error has another text
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
	case interface{ Unwrap() error }: // an error that only adds a class adds no text
		if inner := e.Unwrap(); inner != nil && inner.Error() == err.Error() {
			return s.describe(inner)
		}
	}
	return s.foreign(err.Error())
}
