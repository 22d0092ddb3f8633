package stream

import "strconv"

// Class says how to handle an error. [ClassOf] returns it for any error, however wrapped.
type Class int

// The classes, in ascending order. Of several joined errors, the one with the highest class counts.
const (
	Unclassified   Class = iota // unknown; treat it as Fatal
	Canceled                    // the run was asked to end: not a failure, do not retry
	Retryable                   // temporary: retry, if repeating the operation is harmless
	Throttled                   // the server is overloaded: retry later, with less load
	Data                        // this element is invalid and will always fail; others may succeed
	Fatal                       // permanent: wrong settings, no permission, not found
	UnknownOutcome              // the operation may have succeeded: check before repeating it
)

// String returns the name of the class.
func (c Class) String() string {
	names := [...]string{"unclassified", "canceled", "retryable", "throttled", "data", "fatal", "unknown outcome"}
	if c < 0 || int(c) >= len(names) {
		return "Class(" + strconv.Itoa(int(c)) + ")"
	}
	return names[c]
}

// Transient reports whether a retry may succeed: for Retryable and Throttled.
func (c Class) Transient() bool { return c == Retryable || c == Throttled }

// Mark returns err as an error of class c, with the same text. errors.Is and errors.As find what
// err wraps, and err itself. Mark returns nil if err is nil. Use it where an error happens, or once
// for a sentinel:
//
//	var ErrCursorLost = stream.Mark(errors.New("the server gave up the cursor"), stream.Retryable)
//
// An error type can state its class with a method Class() [Class]. If the method returns
// Unclassified, the class of the wrapped error counts.
func Mark(err error, c Class) error {
	if err == nil || c == Unclassified {
		return err
	}
	return &marked{err, c}
}

// marked is always used by pointer, so that a marked sentinel is equal only to itself.
type marked struct {
	err   error
	class Class
}

func (m *marked) Error() string { return m.err.Error() }
func (m *marked) Unwrap() error { return m.err }
func (m *marked) Class() Class  { return m.class }

// ClassOf returns the class of err: its mark, or the mark of an error that it wraps.
//
//   - The outermost mark counts: code that wraps an error may know more than the code that created
//     it.
//   - Of joined errors (errors.Join, several %w), the highest class counts; those without a mark
//     are ignored.
//   - An error without a mark gets the class of the standard library's error that it wraps.
//     Timeouts and failed network operations are Retryable: a connection that was refused, reset or
//     closed by the peer (io.EOF or io.ErrUnexpectedEOF in a net.Error, not in a truncated file).
//     Errors of the operating system (no space, no permission, no such file), unknown hosts,
//     invalid addresses and certificates are Fatal. context.Canceled is Canceled unless it is
//     joined with another error.
//   - Everything else, and nil, is Unclassified.
//
// The class of an unmarked error does not depend on the operation that failed. Mark the errors of
// operations that must not be done twice.
func ClassOf(err error) Class {
	if c := markOf(err); c != Unclassified {
		return c
	}
	return guess(err)
}

// markOf returns the mark of err, or Unclassified.
func markOf(err error) Class {
	if m, ok := err.(interface{ Class() Class }); ok { // no errors.As: markOf walks the tree
		if c := m.Class(); c != Unclassified {
			return c
		}
	}
	most := Unclassified
	for _, e := range parts(err) {
		most = max(most, markOf(e))
	}
	return most
}

// parts returns the errors that err wraps.
func parts(err error) []error {
	switch u := err.(type) { // no errors.As: the caller walks the tree
	case interface{ Unwrap() error }:
		if e := u.Unwrap(); e != nil {
			return []error{e}
		}
	case interface{ Unwrap() []error }:
		return u.Unwrap()
	}
	return nil
}
