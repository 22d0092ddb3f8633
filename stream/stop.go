package stream

import "errors"

// stop is what a stage that has had enough returns from emit: an early end, which is not an error. Each run of each such stage
// has a stop of its own, so that it recognises its own and passes on another's.
type stop struct{ _ byte }

func (*stop) Error() string { return "stream: stopped early, no error" }

// Stopped reports whether err, which emit returned, says that the downstream has had enough, not that it failed. Only a stage
// with a side of its own to finish (a copy, a count) needs to ask; every other stage returns err as it is. What it finishes runs in
// the context of [WithoutStop].
func Stopped(err error) bool {
	var s *stop
	return errors.As(err, &s)
}

// without returns what is left of err when the early end s is taken out of it: nil, or what clean-up added.
func without(err error, s *stop) error {
	if err == nil || err == error(s) {
		return nil
	}
	if !errors.Is(err, s) {
		return err
	}
	switch u := err.(type) {
	case interface{ Unwrap() []error }:
		var left []error
		for _, e := range u.Unwrap() {
			if e = without(e, s); e != nil {
				left = append(left, e)
			}
		}
		if len(left) == 1 {
			return left[0]
		}
		return errors.Join(left...)
	case interface{ Unwrap() error }:
		return without(u.Unwrap(), s)
	}
	return nil
}
