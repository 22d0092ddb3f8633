package codec

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/millweir/millweir/stream"
)

var (
	// ErrLimit is [stream.ErrLimit], which every [*LimitError] wraps.
	ErrLimit = stream.ErrLimit
	// ErrTooLong means that a line, an object or a frame is longer than the options allow. Its
	// class is Data.
	ErrTooLong = stream.Mark(errors.New("record too long"), stream.Data)
	// ErrTrailing means that bytes follow the end of the encoded data. Its class is Data.
	ErrTrailing = stream.Mark(errors.New("data after the end"), stream.Data)
	// ErrSyntax means that the input breaks the rules of its format. Its class is Data.
	ErrSyntax = stream.Mark(errors.New("malformed input"), stream.Data)
)

// LimitError reports that a stream exceeded a limit of the options or a default limit. It wraps
// [ErrLimit].
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

// InputError reports the position in the input at which a stage failed. Err is the cause:
// [ErrTooLong], [ErrSyntax], io.ErrUnexpectedEOF or an error of a parser.
type InputError struct {
	Offset  int64  // of the wrong byte, or of the start of the wrong record, from 0
	Record  int64  // number of the line or element, from 1; 0 if the stage does not count
	Pointer string // JSON Pointer (RFC 6901) of the value inside the record; "" if unknown
	Err     error
}

// Error gives the position and the cause.
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

// Class returns [stream.Data], whatever the cause.
func (e *InputError) Class() stream.Class { return stream.Data }

// malformed returns a decoder's error with the name of its stage. Its class is Data, unless the
// decoder set another. io.ErrUnexpectedEOF is Data too: if a connection was cut, the upstream
// reports that itself.
func malformed(name string, err error) error {
	err = wrap(name, err)
	if stream.ClassOf(err) != stream.Unclassified && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return stream.Mark(err, stream.Data)
}

// wrap returns err with the name of its stage.
func wrap(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }
