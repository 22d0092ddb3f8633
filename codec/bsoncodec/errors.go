package bsoncodec

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/stream"
)

// Causes that a caller may branch on with errors.Is. [*SyntaxError] adds the location in JSON,
// [*DocumentError] the location in BSON. Truncated input is io.ErrUnexpectedEOF. All have class
// [stream.Data].
var (
	ErrDepth   = bsonwire.ErrDepth
	ErrSize    = stream.Mark(errors.New("too large"), stream.Data)
	ErrBlank   = stream.Mark(errors.New("no document on the line"), stream.Data)
	ErrInexact = stream.Mark(errors.New("not exact in Extended JSON"), stream.Data)
)

// SyntaxError says where parsing of a stream of Extended JSON failed.
type SyntaxError struct {
	Line   int64 // in the stream, from 1
	Offset int64 // bytes of the stream before the error
	Column int   // bytes of the line before the error
	// Path is the location in the document as a JSON Pointer (RFC 6901). "" is the document itself.
	Path string
	// ID is the text of the document's _id if it comes before the error, otherwise "".
	ID  string
	Err error // the cause
}

// Error returns the location and the cause.
func (e *SyntaxError) Error() string {
	s := "bsoncodec: parse line " + strconv.FormatInt(e.Line, 10) + ", offset " + strconv.FormatInt(e.Offset, 10)
	return s + location(e.Path, e.ID) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Class returns [stream.Data].
func (e *SyntaxError) Class() stream.Class { return stream.Data }

// DocumentError says which BSON document was rejected, and where the error is in it.
type DocumentError struct {
	Document int64 // in the stream, from 1; 0 outside a stream
	// Offset is the number of bytes before the error: of the document, or of the stream in [BSON]
	// and [ParseBSON].
	Offset int64
	// Path is the location in the document as a JSON Pointer (RFC 6901). "" is the document itself.
	Path string
	// ID is the document's _id in Extended JSON if it comes before the error or if the whole
	// document is available, otherwise "".
	ID  string
	Err error // the cause
}

// Error returns the location and the cause.
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

// documentError returns the error of doc, which fails at offset at. If that is the beginning, the
// rest of the document is searched for the _id too.
func documentError(doc []byte, at int, err error) error {
	path, id := locate(doc, at)
	if at == 0 {
		id = locateID(doc)
	}
	return &DocumentError{Offset: int64(at), Path: path, ID: id, Err: err}
}

// formatError returns an error that wraps err if the stream, which begins with head, has another
// known format than want. Otherwise it returns err.
func formatError(want codec.FileType, head []byte, err error) error {
	got := codec.FileTypeOf(head[:min(len(head), codec.SniffSize)])
	switch got {
	case want, codec.TypeUnknown, codec.TypeEmpty:
		return err
	case codec.TypeText: // malformed JSON
		if want == codec.TypeJSON {
			return err
		}
	}
	return &codec.FormatError{Want: string(want), Got: got, Err: err}
}

// lineSizeError returns the error of a line of more than n bytes.
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

// printable returns text from the input with Go escapes for characters that do not print: a
// terminal obeys control characters, and other characters reorder the text.
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
