package codec

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/millweir/millweir/stream"
)

var (
	// ErrLimit is what every [*LimitError] wraps: [stream.ErrLimit], with which stream.LimitBytes ends a run too.
	ErrLimit = stream.ErrLimit
	// ErrTooLong says that a line, an object or a frame is longer than the options allow. Its class is Data.
	ErrTooLong = stream.Mark(errors.New("record too long"), stream.Data)
	// ErrTrailing says that bytes follow the end of the encoded data. Its class is Data.
	ErrTrailing = stream.Mark(errors.New("data after the end"), stream.Data)
	// ErrSyntax says that bytes stand where the format has no place for them. Its class is Data.
	ErrSyntax = stream.Mark(errors.New("malformed input"), stream.Data)
)

// LimitError says that a stream passed a limit that its options set or left at the default. It is [ErrLimit] for errors.Is.
type LimitError struct {
	Limit string // the option: "MaxBytes" or "MaxRatio"
	Max   int64  // its value
}

// Error names the option and its value.
func (e *LimitError) Error() string {
	return "limit exceeded: " + e.Limit + " is " + strconv.FormatInt(e.Max, 10)
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }

// Class returns [stream.Data].
func (e *LimitError) Class() stream.Class { return stream.Data }

// InputError says where in its input a stage failed. Err is the cause: [ErrTooLong], [ErrSyntax], io.ErrUnexpectedEOF or a parser's own.
type InputError struct {
	Offset  int64  // of the byte that was wrong, or of the start of the record that was, from 0
	Record  int64  // the number of the line or element, from 1; 0 where nothing is counted
	Pointer string // JSON Pointer (RFC 6901) of the value inside the record; "" where it is not known
	Err     error
}

// Error gives the place and the cause.
func (e *InputError) Error() string {
	s := "byte " + strconv.FormatInt(e.Offset, 10)
	if e.Record > 0 {
		s = "record " + strconv.FormatInt(e.Record, 10) + ", " + s
	}
	if e.Pointer != "" {
		s += ", at " + strconv.Quote(e.Pointer)
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// Class returns [stream.Data], whatever the cause is.
func (e *InputError) Class() stream.Class { return stream.Data }

// malformed returns a decoder's error with the name of its stage. Its class is Data, unless the decoder gave it another. A stream
// that was cut is Data too: where a connection was cut, the upstream says so itself.
func malformed(name string, err error) error {
	err = wrap(name, err)
	if stream.ClassOf(err) != stream.Unclassified && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return stream.Mark(err, stream.Data)
}

// wrap is the one place where a stage's own error gets its name.
func wrap(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }
