package codec

import "strings"

// maxErrorText is the most bytes that are shown of an error that quotes the input: an error of a
// parser or of a caller's type.
const maxErrorText = 1 << 10

// shortened returns err with a text of at most maxErrorText bytes. Parsers and methods of the
// caller's types quote the input in their errors, however long it is.
func shortened(err error) error {
	if text := err.Error(); len(text) > maxErrorText {
		return &shortError{text: cutText(text), err: err}
	}
	return err
}

// shortError is an error with a shortened text.
type shortError struct {
	text string
	err  error
}

// Error returns the beginning of the text.
func (e *shortError) Error() string { return e.text }

// Unwrap returns the original error.
func (e *shortError) Unwrap() error { return e.err }

// cutText returns text, or the beginning of it if it is too long.
func cutText(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorText], "\ufffd") + "…"
}
