package ending

import (
	"errors"
	"reflect"
	"slices"
)

// echo is the error of a stage that stopped because its counterpart did.
type echo string

func (e *echo) Error() string { return string(*e) }

// NewEcho returns a sentinel error that reports an end elsewhere, without the reason.
func NewEcho(text string) error { return new(echo(text)) }

// OnlyEchoes reports whether err consists only of echoes: errors for which is returns true, and
// errors of [NewEcho].
func OnlyEchoes(err error, is func(error) bool) bool {
	inner := unwrap(err)
	if len(inner) == 0 {
		_, ok := err.(*echo)
		return ok || is(err)
	}
	if class(err) != nil { // it says more than the errors it wraps
		_, ok := inner[0].(*echo)
		return ok
	}
	return !slices.ContainsFunc(inner, func(e error) bool { return !OnlyEchoes(e, is) })
}

// Add returns first joined with what more adds to it. It returns first itself if more has nothing
// but echoes and errors or texts that first contains already. Either may be nil.
func Add(first, more error, isEcho func(error) bool) error {
	if first == nil {
		return Prune(more, isEcho)
	}
	left := dropErrors(more, func(e error) bool { return OnlyEchoes(e, isEcho) || !addsTo(e, first) })
	switch {
	case left == nil:
		return first
	case Is(more, first):
		return more
	}
	return errors.Join(first, left)
}

// Prune returns err without the echoes that are joined to other errors, or err itself if there are
// none.
func Prune(err error, isEcho func(error) bool) error {
	if err == nil || OnlyEchoes(err, isEcho) {
		return err
	}
	return dropErrors(err, func(e error) bool { return OnlyEchoes(e, isEcho) })
}

// dropErrors returns err without the joined errors for which drop is true. It returns nil if drop
// is true for all of them, and err itself if it is true for none.
func dropErrors(err error, drop func(error) bool) error {
	switch {
	case err == nil || drop(err):
		return nil
	case !isJoin(err):
		return err
	}
	inner := unwrap(err)
	var left []error
	for _, e := range inner {
		if e = dropErrors(e, drop); e != nil {
			left = append(left, e)
		}
	}
	switch {
	case len(left) == 1:
		return left[0]
	case slices.EqualFunc(left, inner, Same):
		return err
	}
	return errors.Join(left...)
}

// isJoin reports whether err has no meaning beyond the errors that it joins.
func isJoin(err error) bool {
	u, ok := err.(interface{ Unwrap() []error })
	if !ok || class(err) != nil {
		return false
	}
	all := errors.Join(u.Unwrap()...) // nil if it joins none
	return all != nil && all.Error() == err.Error()
}

// addsTo reports whether err contains an error that known does not.
func addsTo(err, known error) bool {
	inner := unwrap(err)
	if len(inner) == 0 || class(err) != nil {
		return !Is(known, err) && !hasText(known, err.Error(), class(err))
	}
	return slices.ContainsFunc(inner, func(e error) bool { return addsTo(e, known) })
}

// hasText reports whether an error in the tree of err has the given text and class. A nil class
// matches any.
func hasText(err error, text string, of any) bool {
	if err.Error() == text && (of == nil || class(err) == of) {
		return true
	}
	return slices.ContainsFunc(unwrap(err), func(e error) bool { return hasText(e, text, of) })
}

// unwrap returns the errors that err wraps.
func unwrap(err error) []error {
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if e := u.Unwrap(); e != nil {
			return []error{e}
		}
	case interface{ Unwrap() []error }:
		return slices.DeleteFunc(slices.Clone(u.Unwrap()), func(e error) bool { return e == nil })
	}
	return nil
}

// class returns the result of err's method Class, or nil if err has none. The result's type belongs
// to package stream, which imports this package, so class uses reflection.
func class(err error) any {
	m, ok := reflect.TypeOf(err).MethodByName("Class")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		return nil
	}
	return m.Func.Call([]reflect.Value{reflect.ValueOf(err)})[0].Interface()
}
