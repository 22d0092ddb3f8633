package cli

import (
	"errors"
	"net"
	"strings"
)

// advised is an error with what to do about it: the advice first, then a short note of what happened.
type advised struct {
	note, advice string
	err          error
}

// advise adds to err what to do about it. note stands for the text of err; what clean-up joined to it is kept. Both are text of
// another's making, and come without secrets.
func (s *secrets) advise(note, advice string, err error) error {
	if _, joined, ok := strings.Cut(err.Error(), "\n"); ok && !strings.Contains(note, "\n") {
		note += "; " + joined
	}
	return &advised{s.foreign(note), advice, err}
}

// isAdvised reports whether err says already what to do about it.
func isAdvised(err error) bool {
	var a *advised
	return errors.As(err, &a)
}

func (a *advised) Error() string { return a.advice + " (" + a.note + ")" }
func (a *advised) Unwrap() error { return a.err }

// root returns the text of the failure at the bottom of a network error, without what each layer above put before it.
func root(err error) string {
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
