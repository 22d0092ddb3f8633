package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Format is what a file is by its first bytes, in words: "gzip", "an age file".
type Format string

// The formats that [FormatOf] knows.
const (
	FormatUnknown      Format = "data of an unknown format"
	FormatEmpty        Format = "empty"
	FormatGzip         Format = "gzip"
	FormatZstd         Format = "zstd"
	FormatZlib         Format = "zlib"
	FormatS2           Format = "S2 or Snappy"
	FormatBzip2        Format = "bzip2"
	FormatXz           Format = "xz"
	FormatAge          Format = "an age file"
	FormatArmoredAge   Format = "an armored age file"
	FormatZip          Format = "a zip archive"
	FormatTar          Format = "a tar archive"
	FormatMongoArchive Format = "an archive of mongodump"
	FormatBSON         Format = "BSON"
	FormatJSON         Format = "JSON"
	FormatHTML         Format = "an HTML page"
	FormatXML          Format = "an XML document"
	FormatText         Format = "text"
)

// anyCompressed is what [Detect] wants.
const anyCompressed Format = "a compressed format that is known here"

// FormatSize is how many bytes [FormatOf] looks at. With fewer it may know less.
const FormatSize = 512

// FormatOf returns what a file is that begins with head, or is head if that is shorter than [FormatSize]. It is a guess, for
// messages: formats without a mark of their own (BSON, zlib, text) may be taken for each other.
func FormatOf(head []byte) Format {
	if len(head) == 0 {
		return FormatEmpty
	}
	for _, f := range formatMarks {
		if f.at < len(head) && bytes.HasPrefix(head[f.at:], []byte(f.mark)) {
			return f.format
		}
	}
	switch {
	case isSkippable(head):
		return FormatZstd
	case likeText(head):
		return textFormat(head)
	case likeZlib(head):
		return FormatZlib
	case likeBSON(head):
		return FormatBSON
	}
	return FormatUnknown
}

// formatMarks are the bytes by which formats are known.
var formatMarks = []struct {
	at     int
	mark   string
	format Format
}{
	{0, gzipMagic, FormatGzip},
	{0, zstdMagic, FormatZstd},
	{0, s2Magic, FormatS2},
	{0, snappyMagic, FormatS2},
	{0, "BZh", FormatBzip2},
	{0, "\xfd7zXZ\x00", FormatXz},
	{0, "age-encryption.org/", FormatAge},
	{0, "-----BEGIN AGE ENCRYPTED FILE-----", FormatArmoredAge},
	{0, "PK\x03\x04", FormatZip},
	{257, "ustar", FormatTar},
	{0, "\x6d\xe2\x99\x81", FormatMongoArchive},
}

// textFormat returns which text it is that begins with head.
func textFormat(head []byte) Format {
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head), "\uFEFF"), jsonSpace))
	begins := func(s string) bool { return strings.HasPrefix(text, s) }
	switch {
	case begins("-----begin age encrypted file-----"):
		return FormatArmoredAge
	case begins("<!doctype html"), begins("<html"), begins("<head"), begins("<body"):
		return FormatHTML
	case begins("<"):
		return FormatXML
	case begins("{"), begins("["):
		return FormatJSON
	}
	return FormatText
}

// likeBSON reports whether head may be the beginning of a document (https://bsonspec.org): its length, and the type of an element.
func likeBSON(head []byte) bool {
	const most = 16<<20 + 16<<10 // bytes that a server stores
	if len(head) < 5 {
		return false
	}
	n, kind := binary.LittleEndian.Uint32(head), head[4]
	return n == 5 && kind == 0 || n > 5 && n <= most && (1 <= kind && kind <= 0x13 || kind == 0x7f || kind == 0xff)
}

// FormatError says that the input is not of the format that a stage reads, and what it is. Its class is [stream.Data].
type FormatError struct {
	Want string // what the stage reads, as in "gzip"
	Got  Format
	Err  error // what the stage reports of damage too: gzip.ErrHeader, for example
}

// Error says what the input is and what to do about it.
func (e *FormatError) Error() string {
	return "the input is " + string(e.Got) + ", not " + e.Want + ": " + e.advice()
}

// Unwrap returns the error that damage has too.
func (e *FormatError) Unwrap() error { return e.Err }

// Class returns [stream.Data].
func (e *FormatError) Class() stream.Class { return stream.Data }

// advice says what to do.
func (e *FormatError) advice() string {
	switch e.Got {
	case FormatEmpty:
		return "nothing was stored, or another file was read"
	case FormatHTML:
		return "a server's page was stored or fetched in its place, such as an error or a login"
	case FormatXML:
		return "an S3 service's error reply, for example, was stored or fetched in its place"
	case FormatAge, FormatArmoredAge:
		return "decrypt it first"
	case FormatZip, FormatTar, FormatMongoArchive:
		return "unpack it with its own tool first"
	case FormatUnknown:
		return "its beginning is damaged, or another file was read"
	}
	switch want := Format(e.Want); {
	case want == FormatAge:
		return "it is not encrypted, so leave the decryption out"
	case e.Got.compressed():
		return "decompress it as such"
	case want == anyCompressed, want.compressed():
		return "it is not compressed, so leave the decompression out"
	}
	return "another file was read"
}

// compressed reports whether a decompressor makes something else of the format.
func (f Format) compressed() bool {
	switch f {
	case FormatGzip, FormatZstd, FormatZlib, FormatS2, FormatBzip2, FormatXz:
		return true
	}
	return false
}

// notFormat returns an error for an input that begins with head and is not what a stage reads. err is what damage would be.
func notFormat(want Format, head []byte, err error) error {
	return &FormatError{Want: string(want), Got: FormatOf(head), Err: err}
}

// notJSON returns an error in place of err if the input, which begins with head, is known to be no JSON.
func notJSON(head []byte, err error) error {
	switch got := FormatOf(head[:min(len(head), FormatSize)]); got {
	case FormatEmpty, FormatUnknown, FormatText, FormatJSON:
		return err
	default:
		return &FormatError{Want: string(FormatJSON), Got: got, Err: err}
	}
}

// trailing returns an error for what follows the end of the encoded data.
func trailing(src *bufio.Reader) error {
	head, _ := src.Peek(FormatSize)
	what := string(FormatOf(head))
	switch {
	case len(bytes.Trim(head, "\x00")) == 0:
		what = "zeros"
	case len(bytes.Trim(head, jsonSpace)) == 0:
		what = "white space"
	}
	return fmt.Errorf("%w: %s", ErrTrailing, what)
}
