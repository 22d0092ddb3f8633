package stream

import "strconv"

// Class says what can be done about an error. [ClassOf] asks for it, whoever made the error and however it was wrapped.
type Class int

// The classes, from the one that asks for least to the one that asks for most. Of several errors in one the last counts.
const (
	Unclassified   Class = iota // nobody said; treat it as Fatal
	Canceled                    // the run was told to end: neither a failure nor a reason to try again
	Retryable                   // it may pass: try again, where doing it twice does no harm
	Throttled                   // the other side asks for less: try again, later and slower
	Data                        // this element is at fault: others may do, this one never will
	Fatal                       // it will not pass by itself: wrong settings, no permission, no such thing
	UnknownOutcome              // it may have been done or not: look before it is done again
)

// String returns the class's name.
func (c Class) String() string {
	names := [...]string{"unclassified", "canceled", "retryable", "throttled", "data", "fatal", "unknown outcome"}
	if c < 0 || int(c) >= len(names) {
		return "Class(" + strconv.Itoa(int(c)) + ")"
	}
	return names[c]
}

// Transient reports whether another try may go well: Retryable and Throttled.
func (c Class) Transient() bool { return c == Retryable || c == Throttled }

// Mark returns err as an error of class c, with the same text. errors.Is and errors.As see through it; nil stays nil. It marks
// an error where it happens, or a sentinel once and for all:
//
//	var ErrCursorLost = stream.Mark(errors.New("the server gave up the cursor"), stream.Retryable)
//
// An error type says its class itself, by a method Class() [Class]; Unclassified leaves it to what it wraps.
func Mark(err error, c Class) error {
	if err == nil || c == Unclassified {
		return err
	}
	return &marked{err, c}
}

// marked is a pointer wherever it is used, so that a marked sentinel equals itself only.
type marked struct {
	err   error
	class Class
}

func (m *marked) Error() string { return m.err.Error() }
func (m *marked) Unwrap() error { return m.err }
func (m *marked) Class() Class  { return m.class }

// ClassOf returns the class of err: what it, or an error that it wraps, was marked with.
//
//   - The outermost mark counts: who wraps an error may know better than who made it.
//   - Of errors side by side (errors.Join, several %w) the one that asks for most counts; those without a mark do not.
//   - An error without a mark has the class of what the standard library reports. Retryable are timeouts and failed network
//     operations: a refused or reset connection, and one that the other side closed (io.EOF or io.ErrUnexpectedEOF in a net.Error,
//     not in a file that is cut). Fatal are errors of the operating system (no space, no permission, no such file), a host name
//     that does not exist, an address that is none, and certificates. context.Canceled is Canceled if nothing stands beside it.
//     Such an answer knows nothing of what was being done: mark the errors of what must not be done twice.
//   - Everything else, and nil, is Unclassified.
func ClassOf(err error) Class {
	if c := markOf(err); c != Unclassified {
		return c
	}
	return guess(err)
}

// markOf returns the mark of err, or Unclassified.
func markOf(err error) Class {
	if m, ok := err.(interface{ Class() Class }); ok { // it walks the tree itself
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

// parts returns what err wraps.
func parts(err error) []error {
	switch u := err.(type) { // it walks the tree itself
	case interface{ Unwrap() error }:
		if e := u.Unwrap(); e != nil {
			return []error{e}
		}
	case interface{ Unwrap() []error }:
		return u.Unwrap()
	}
	return nil
}
