package bsoncodec

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// Causes that a caller may branch on, with errors.Is. A place in the input comes with them: [*SyntaxError] for JSON,
// [*DocumentError] for BSON. Input that ends too early is io.ErrUnexpectedEOF. All are of class [stream.Data].
var (
	ErrDepth   = stream.Mark(errors.New("nested too deep"), stream.Data)
	ErrSize    = stream.Mark(errors.New("too large"), stream.Data)
	ErrBlank   = stream.Mark(errors.New("no document on the line"), stream.Data)
	ErrInexact = stream.Mark(errors.New("not exact in Extended JSON"), stream.Data)
)

// SyntaxError tells where a stream of Extended JSON could not be read.
type SyntaxError struct {
	Line   int64  // of the stream, from 1
	Offset int64  // bytes of the stream before the failing place
	Column int    // bytes of the line before the failing place
	Path   string // the failing place in the document as a JSON Pointer (RFC 6901); "" is the document itself
	ID     string // the document's _id as its text, where it lies before the failing place; else ""
	Err    error  // the cause
}

// Error returns the place and the cause.
func (e *SyntaxError) Error() string {
	s := "bsoncodec: parse line " + strconv.FormatInt(e.Line, 10) + ", offset " + strconv.FormatInt(e.Offset, 10)
	return s + location(e.Path, e.ID) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Class returns [stream.Data].
func (e *SyntaxError) Class() stream.Class { return stream.Data }

// DocumentError tells which BSON document was refused, and where in it.
type DocumentError struct {
	Document int64  // of the stream, from 1; 0 outside of a stream
	Offset   int64  // bytes before the failing place: of the document; of the stream in [BSON] and [ParseBSON]
	Path     string // the failing place in the document as a JSON Pointer (RFC 6901); "" is the document itself
	ID       string // the document's _id in Extended JSON, where it lies before the failing place or all of the document is at hand; else ""
	Err      error  // the cause
}

// Error returns the place and the cause.
func (e *DocumentError) Error() string {
	s := "bsoncodec: document"
	if e.Document > 0 {
		s += " " + strconv.FormatInt(e.Document, 10)
	}
	return s + ", offset " + strconv.FormatInt(e.Offset, 10) + location(e.Path, e.ID) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *DocumentError) Unwrap() error { return e.Err }

// Class returns [stream.Data].
func (e *DocumentError) Class() stream.Class { return stream.Data }

// notFormat returns an error in place of err if the stream, which begins with head, is known to be of another format than want.
func formatError(want codec.FileType, head []byte, err error) error {
	got := codec.FileTypeOf(head[:min(len(head), codec.SniffSize)])
	switch got {
	case want, codec.TypeUnknown, codec.TypeEmpty:
		return err
	case codec.TypeText: // JSON that is wrong
		if want == codec.TypeJSON {
			return err
		}
	}
	return &codec.FormatError{Want: string(want), Got: got, Err: err}
}

// errLine says that a line is too long.
func lineSizeError(n int) error { return fmt.Errorf("line %w: more than %d bytes", ErrSize, n) }

func location(path, id string) string {
	s := ""
	if path != "" {
		s += ", at " + printable(path)
	}
	if id != "" {
		s += ", _id " + printable(id)
	}
	return s
}

// printable returns text from the input with what does not print as escapes of Go: a terminal obeys
// control characters, and shows text in another order for others.
func printable(text string) string {
	printed := make([]byte, 0, len(text))
	for _, r := range text {
		if strconv.IsPrint(r) {
			printed = utf8.AppendRune(printed, r)
			continue
		}
		quoted := strconv.AppendQuoteRuneToASCII(nil, r)
		printed = append(printed, quoted[1:len(quoted)-1]...)
	}
	return string(printed)
}
