// Package bsonwire reads the structure of raw BSON (https://bsonspec.org/spec.html): types, lengths
// and terminators. It is the only code of this module that decides whether bytes are BSON.
//
// The functions take a whole buffer and offsets into it instead of subslices, because the callers
// convert documents in one pass and report offsets. None of them panics for any input within the
// bounds that it states.
package bsonwire
