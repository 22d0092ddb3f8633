package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/millweir/millweir/stream"
)

// FileType is the type of a file, guessed from its first bytes, in words: "gzip", "an age file".
type FileType string

// The formats that [FileTypeOf] knows.
const (
	TypeUnknown      FileType = "data of an unknown format"
	TypeEmpty        FileType = "empty"
	TypeGzip         FileType = "gzip"
	TypeZstd         FileType = "zstd"
	TypeZlib         FileType = "zlib"
	TypeS2           FileType = "S2 or Snappy"
	TypeBzip2        FileType = "bzip2"
	TypeXz           FileType = "xz"
	TypeAge          FileType = "an age file"
	TypeArmoredAge   FileType = "an armored age file"
	TypeZip          FileType = "a zip archive"
	TypeTar          FileType = "a tar archive"
	TypeMongoArchive FileType = "an archive of mongodump"
	TypeBSON         FileType = "BSON"
	TypeJSON         FileType = "JSON"
	TypeHTML         FileType = "an HTML page"
	TypeXML          FileType = "an XML document"
	TypeText         FileType = "text"
)

// typeCompressed is the type of input that [Detect] reads.
const typeCompressed FileType = "a compressed format that is known here"

// SniffSize is the number of bytes that [FileTypeOf] looks at. With fewer bytes it may recognize
// fewer types.
const SniffSize = 512

// FileTypeOf returns the type of the file that begins with head. head is the whole file if it is
// shorter than [SniffSize]. The result is a guess, for messages: types without a signature (BSON,
// zlib, text) may be mistaken for each other.
func FileTypeOf(head []byte) FileType {
	if len(head) == 0 {
		return TypeEmpty
	}
	for _, f := range fileTypeSignatures {
		if f.at < len(head) && bytes.HasPrefix(head[f.at:], []byte(f.mark)) {
			return f.format
		}
	}
	switch {
	case isSkippable(head):
		return TypeZstd
	case looksLikeText(head):
		return textFileType(head)
	case looksLikeZlib(head):
		return TypeZlib
	case looksLikeBSON(head):
		return TypeBSON
	}
	return TypeUnknown
}

// fileTypeSignatures are the bytes that identify file types.
var fileTypeSignatures = []struct {
	at     int
	mark   string
	format FileType
}{
	{0, gzipMagic, TypeGzip},
	{0, zstdMagic, TypeZstd},
	{0, s2Magic, TypeS2},
	{0, snappyMagic, TypeS2},
	{0, "BZh", TypeBzip2},
	{0, "\xfd7zXZ\x00", TypeXz},
	{0, "age-encryption.org/", TypeAge},
	{0, "-----BEGIN AGE ENCRYPTED FILE-----", TypeArmoredAge},
	{0, "PK\x03\x04", TypeZip},
	{257, "ustar", TypeTar},
	{0, "\x6d\xe2\x99\x81", TypeMongoArchive},
}

// textFileType returns the type of a text that begins with head.
func textFileType(head []byte) FileType {
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head), "\uFEFF"), jsonSpace))
	begins := func(s string) bool { return strings.HasPrefix(text, s) }
	switch {
	case begins("-----begin age encrypted file-----"):
		return TypeArmoredAge
	case begins("<!doctype html"), begins("<html"), begins("<head"), begins("<body"):
		return TypeHTML
	case begins("<"):
		return TypeXML
	case begins("{"), begins("["):
		return TypeJSON
	}
	return TypeText
}

// looksLikeBSON reports whether head may begin a document (https://bsonspec.org): it has a
// plausible length and the type of an element.
func looksLikeBSON(head []byte) bool {
	const most = 16<<20 + 16<<10 // largest document that a server stores, in bytes
	if len(head) < 5 {
		return false
	}
	n, kind := binary.LittleEndian.Uint32(head), head[4]
	return n == 5 && kind == 0 || n > 5 && n <= most && (1 <= kind && kind <= 0x13 || kind == 0x7f || kind == 0xff)
}

// FormatError reports that the input is not of the type that a stage reads, and which type it has.
// Its class is [stream.Data].
type FormatError struct {
	Want string // what the stage reads, such as "gzip"
	Got  FileType
	Err  error // the error that damage also causes, such as gzip.ErrHeader
}

// Error names the type of the input and says what to do.
func (e *FormatError) Error() string {
	return "the input is " + string(e.Got) + ", not " + e.Want + ": " + e.advice()
}

// Unwrap returns the error that damage also causes, such as gzip.ErrHeader.
func (e *FormatError) Unwrap() error { return e.Err }

// Class returns [stream.Data].
func (e *FormatError) Class() stream.Class { return stream.Data }

// advice says what to do.
func (e *FormatError) advice() string {
	switch e.Got {
	case TypeEmpty:
		return "nothing was stored, or another file was read"
	case TypeHTML:
		return "a server's page was stored or fetched in its place, such as an error or a login"
	case TypeXML:
		return "an S3 service's error reply, for example, was stored or fetched in its place"
	case TypeAge, TypeArmoredAge:
		return "decrypt it first"
	case TypeZip, TypeTar, TypeMongoArchive:
		return "unpack it with its own tool first"
	case TypeUnknown:
		return "its beginning is damaged, or another file was read"
	}
	switch want := FileType(e.Want); {
	case want == TypeAge:
		return "it is not encrypted, so leave the decryption out"
	case e.Got.compressed():
		return "decompress it as such"
	case want == typeCompressed, want.compressed():
		return "it is not compressed, so leave the decompression out"
	}
	return "another file was read"
}

// compressed reports whether the file can be decompressed.
func (f FileType) compressed() bool {
	switch f {
	case TypeGzip, TypeZstd, TypeZlib, TypeS2, TypeBzip2, TypeXz:
		return true
	}
	return false
}

// newFormatError returns an error for an input that begins with head and is not of the type that a
// stage reads. err is the error that damage would cause.
func newFormatError(want FileType, head []byte, err error) error {
	return &FormatError{Want: string(want), Got: FileTypeOf(head), Err: err}
}

// jsonFormatError returns err, or a [*FormatError] if the input, which begins with head, is
// certainly not JSON.
func jsonFormatError(head []byte, err error) error {
	switch got := FileTypeOf(head[:min(len(head), SniffSize)]); got {
	case TypeEmpty, TypeUnknown, TypeText, TypeJSON:
		return err
	default:
		return &FormatError{Want: string(TypeJSON), Got: got, Err: err}
	}
}

// trailingError returns an error for data after the end of the encoded data.
func trailingError(src *bufio.Reader) error {
	head, _ := src.Peek(SniffSize)
	what := string(FileTypeOf(head))
	switch {
	case len(bytes.Trim(head, "\x00")) == 0:
		what = "zeros"
	case len(bytes.Trim(head, jsonSpace)) == 0:
		what = "white space"
	}
	return fmt.Errorf("%w: %s", ErrTrailing, what)
}
