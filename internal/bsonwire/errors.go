package bsonwire

import (
	"errors"

	"github.com/millweir/millweir/stream"
)

// Causes of an error in BSON. All have class [stream.Data].
var (
	ErrDepth      = malformed("nested too deep")
	ErrLength     = malformed("wrong length")
	ErrTerminator = malformed("missing terminator")
	ErrShort      = malformed("value passes the end of its document")
	ErrType       = malformed("unknown type")
	ErrKey        = malformed("key without an end")
	ErrUTF8       = malformed("text that is not UTF-8")
	ErrBoolean    = malformed("boolean that is neither 0 nor 1")
	ErrSubtype    = malformed("binary subtype 2 with two lengths")
)

func malformed(text string) error { return stream.Mark(errors.New(text), stream.Data) }
