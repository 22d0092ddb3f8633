package bsonwire

import (
	"errors"

	"github.com/millweir/millweir/stream"
)

// ErrDepth means that a document nests too many levels of documents and arrays.
var ErrDepth = stream.Mark(errors.New("nested too deep"), stream.Data)

// Causes of malformed BSON.
var (
	ErrLength     = errors.New("wrong length")
	ErrTerminator = errors.New("missing terminator")
	ErrShort      = errors.New("value passes the end of its document")
	ErrType       = errors.New("unknown type")
	ErrKey        = errors.New("key without an end")
	ErrUTF8       = errors.New("text that is not UTF-8")
	ErrBoolean    = errors.New("boolean that is neither 0 nor 1")
	ErrSubtype    = errors.New("binary subtype 2 with two lengths")
)
