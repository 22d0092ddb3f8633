package codec

import "strings"

// maxErrorText is how many bytes of an error's text that others made of the input are shown.
const maxErrorText = 1 << 10

// shortened returns err with at most so much text. Parsers and the methods of a caller's type put
// into their errors what they could not read, however long it is.
func shortened(err error) error {
	if text := err.Error(); len(text) > maxErrorText {
		return &shortError{text: cutText(text), err: err}
	}
	return err
}

// shortError is an error of which a part of the text is shown.
type shortError struct {
	text string
	err  error
}

// Error returns the beginning of the text.
func (e *shortError) Error() string { return e.text }

// Unwrap returns the error.
func (e *shortError) Unwrap() error { return e.err }

// cutText returns the beginning of a text that is too long.
func cutText(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorText], "\ufffd") + "…"
}
