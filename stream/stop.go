package stream

import "errors"

// stop is the error that a stage returns from emit if it needs no more elements: an early end,
// which is not a failure. Each run of such a stage has its own stop, so that it recognizes its own
// and passes on all others.
type stop struct{ _ byte }

func (*stop) Error() string { return "stream: stopped early, no error" }

// Stopped reports whether err, which emit returned, means that the downstream needs no more
// elements, rather than that it failed. Only a stage that has other work to finish, such as a copy
// or a count, needs to check this; every other stage returns err unchanged. The remaining work must
// run in the context of [WithoutStop].
func Stopped(err error) bool {
	var s *stop
	return errors.As(err, &s)
}

// without returns err without the early end s: nil, or the errors that clean-up added.
func without(err error, s *stop) error {
	if err == nil || err == error(s) {
		return nil
	}
	if !errors.Is(err, s) {
		return err
	}
	switch u := err.(type) {
	case interface{ Unwrap() []error }:
		var remaining []error
		for _, e := range u.Unwrap() {
			if e = without(e, s); e != nil {
				remaining = append(remaining, e)
			}
		}
		if len(remaining) == 1 {
			return remaining[0]
		}
		return errors.Join(remaining...)
	case interface{ Unwrap() error }:
		return without(u.Unwrap(), s)
	}
	return nil
}
