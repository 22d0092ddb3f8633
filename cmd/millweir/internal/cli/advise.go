package cli

import (
	"errors"
	"net"
	"strings"
)

// advised is an error with advice. Its text is the advice, then a short note of the cause.
type advised struct {
	note   error  // shown in place of err
	advice string // text of the program, not from outside
	err    error
}

// advise adds advice to err. The text shows note, which is from outside, in place of err, and any
// errors of clean-up that are joined to err.
func advise(note, advice string, err error) error {
	shown := Errorf("%s", Foreign(note))
	if _, joined, ok := strings.Cut(err.Error(), "\n"); ok && !strings.Contains(note, "\n") {
		shown = Errorf("%s; %s", Foreign(note), Foreign(joined))
	}
	return &advised{shown, advice, err}
}

// isAdvised reports whether err already has advice.
func isAdvised(err error) bool {
	var a *advised
	return errors.As(err, &a)
}

func (a *advised) Error() string { return a.text(nil) }
func (a *advised) Unwrap() error { return a.err }

func (a *advised) text(s *secrets) string { return s.local(a.advice) + " (" + s.describe(a.note) + ")" }

// rootText returns the text of the innermost network error in err, without the prefixes of the
// layers above.
func rootText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Error()
	}
	return err.Error()
}
