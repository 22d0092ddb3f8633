package bsoncodec

import (
	"github.com/millweir/millweir/internal/bsonwire"
)

// ValidateOptions holds the options of [Validate], and of the checks of [BSON] and [ParseBSON]. The
// zero value is valid.
type ValidateOptions struct {
	// MaxDepth limits the levels of documents and arrays, 1 to 10,000. The default is 200.
	MaxDepth int
	// Strict also rejects values that the BSON specification forbids, although they occur in
	// practice and can be kept: text that is not UTF-8, booleans other than 0 and 1, and binary
	// subtype 2 with two different lengths.
	Strict bool
}

// Validate checks the structure of doc, which must be exactly one document: every length,
// terminator and type, and the depth. The error is a [*DocumentError].
func Validate(doc []byte, opts *ValidateOptions) error {
	var o ValidateOptions
	if opts != nil {
		o = *opts
	}
	if err := o.check(); err != nil {
		return err
	}
	return o.validate(doc)
}

// check sets the defaults and returns an error if an option is out of range.
func (o *ValidateOptions) check() error {
	return checkDepth(&o.MaxDepth)
}

// level returns how much is checked.
func (o *ValidateOptions) level() bsonwire.Level {
	if o.Strict {
		return bsonwire.Text
	}
	return bsonwire.Structure
}

func (o *ValidateOptions) validate(doc []byte) error {
	c := bsonwire.Checker{Src: doc, Level: o.level(), MaxDepth: o.MaxDepth}
	if c.Document() {
		return nil
	}
	return documentError(doc, c.At, c.Err)
}
