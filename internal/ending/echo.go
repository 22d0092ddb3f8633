package ending

import (
	"errors"
	"reflect"
	"slices"
)

// echo is the error of a stage whose counterpart is gone.
type echo string

func (e *echo) Error() string { return string(*e) }

// NewEcho returns a sentinel which says that something ended elsewhere, not why.
func NewEcho(text string) error { return new(echo(text)) }

// OnlyEchoes reports whether everything that err is made of is an echo: by is, or by [NewEcho].
func OnlyEchoes(err error, is func(error) bool) bool {
	inner := inside(err)
	if len(inner) == 0 {
		_, ok := err.(*echo)
		return ok || is(err)
	}
	if class(err) != nil { // it says more than what it wraps
		_, ok := inner[0].(*echo)
		return ok
	}
	return !slices.ContainsFunc(inner, func(e error) bool { return !OnlyEchoes(e, is) })
}

// Add returns first with what more adds to it: first itself if that is nothing but echoes, errors that first has already, or a text
// that it has. Either may be nil.
func Add(first, more error, isEcho func(error) bool) error {
	if first == nil {
		return Prune(more, isEcho)
	}
	left := without(more, func(e error) bool { return OnlyEchoes(e, isEcho) || !adds(e, first) })
	switch {
	case left == nil:
		return first
	case errors.Is(more, first):
		return more
	}
	return errors.Join(first, left)
}

// Prune returns err without the echoes that are joined to something else, and err itself if there are none.
func Prune(err error, isEcho func(error) bool) error {
	if err == nil || OnlyEchoes(err, isEcho) {
		return err
	}
	return without(err, func(e error) bool { return OnlyEchoes(e, isEcho) })
}

// without returns err without the joined errors for which drop is true: nil if all are, and err itself if none is.
func without(err error, drop func(error) bool) error {
	switch {
	case err == nil || drop(err):
		return nil
	case !joined(err):
		return err
	}
	inner := inside(err)
	var left []error
	for _, e := range inner {
		if e = without(e, drop); e != nil {
			left = append(left, e)
		}
	}
	switch {
	case len(left) == 1:
		return left[0]
	case slices.Equal(left, inner):
		return err
	}
	return errors.Join(left...)
}

// joined reports whether err is no more than the errors that it joins.
func joined(err error) bool {
	u, ok := err.(interface{ Unwrap() []error })
	if !ok || class(err) != nil {
		return false
	}
	all := errors.Join(u.Unwrap()...) // nil if it joins none
	return all != nil && all.Error() == err.Error()
}

// adds reports whether something that err is made of is not in known.
func adds(err, known error) bool {
	inner := inside(err)
	if len(inner) == 0 || class(err) != nil {
		return !errors.Is(known, err) && !hasText(known, err.Error(), class(err))
	}
	return slices.ContainsFunc(inner, func(e error) bool { return adds(e, known) })
}

// hasText reports whether an error in the tree of err has that text and that class.
func hasText(err error, text string, of any) bool {
	if err.Error() == text && (of == nil || class(err) == of) {
		return true
	}
	return slices.ContainsFunc(inside(err), func(e error) bool { return hasText(e, text, of) })
}

// inside returns the errors that err wraps.
func inside(err error) []error {
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

// class returns what the method Class of err returns, or nil if it has none. Its type is one of package stream, which imports this one.
func class(err error) any {
	m, ok := reflect.TypeOf(err).MethodByName("Class")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		return nil
	}
	return m.Func.Call([]reflect.Value{reflect.ValueOf(err)})[0].Interface()
}
