package codec

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/millweir/millweir/stream"
)

var (
	// ErrLimit is what every [*LimitError] wraps: [stream.ErrLimit], with which stream.LimitBytes ends a run too.
	ErrLimit = stream.ErrLimit
	// ErrTooLong says that a line, an object or a frame is longer than the options allow.
	ErrTooLong = errors.New("record too long")
	// ErrTrailing says that bytes follow the end of the encoded data.
	ErrTrailing = errors.New("data after the end")
	// ErrSyntax says that bytes stand where the format has no place for them.
	ErrSyntax = errors.New("malformed input")
)

// LimitError says that a stream passed a limit that its options set or left at the default.
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

// wrap is the one place where a stage's own error gets its name.
func wrap(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }
