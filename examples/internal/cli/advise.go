package cli

import (
	"errors"
	"net"
	"strings"
)

// advised is an error with what to do about it: the advice first, then a short note of what
// happened.
type advised struct {
	note   error  // stands for the text of err
	advice string // of the program's own words and values
	err    error
}

// advise adds to err what to do about it. note, which is foreign, stands for the text of err; what
// clean-up joined to it is kept.
func advise(note, advice string, err error) error {
	shown := Errorf("%s", Foreign(note))
	if _, joined, ok := strings.Cut(err.Error(), "\n"); ok && !strings.Contains(note, "\n") {
		shown = Errorf("%s; %s", Foreign(note), Foreign(joined))
	}
	return &advised{shown, advice, err}
}

// isAdvised reports whether err says already what to do about it.
func isAdvised(err error) bool {
	var a *advised
	return errors.As(err, &a)
}

func (a *advised) Error() string { return a.text(nil) }
func (a *advised) Unwrap() error { return a.err }

func (a *advised) text(s *secrets) string { return s.own(a.advice) + " (" + s.describe(a.note) + ")" }

// root returns the text of the failure at the bottom of a network error, without what each layer
// above put before it.
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
