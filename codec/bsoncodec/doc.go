// Package bsoncodec converts BSON documents to MongoDB Extended JSON v2 and back, byte for byte,
// and frames raw BSON.
//
//   - [ExtJSON] and [ParseExtJSON]: one document a line, canonical or relaxed
//     (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
//   - [BSON] and [ParseBSON]: documents one after another, as in mongodump's .bson files.
//   - [AppendExtJSON], [AppendBSON] and [Validate]: the same for one document.
//
// # The escape form
//
// [ParseExtJSON] restores exactly the documents that [ExtJSON] wrote as canonical JSON: every
// document that BSON's grammar allows, within the limits of depth and size. A value without an
// exact Extended JSON form is written as
//
//	{"$millweirBSON":{"type":"02","base64":"AgAAAP8A"}}
//
// with the value's BSON type in two hex digits and its bytes, including lengths and terminators
// (here a string of the one byte FF). The form replaces the smallest value that JSON cannot
// represent. The rest of the document stays readable, and other programs can parse every line as
// JSON. A program without this package can rebuild the document from length, type, key and bytes.
// The escape form replaces:
//
//   - a string, pattern or namespace that is not UTF-8;
//   - a document, array or scope with a key that is not UTF-8;
//   - a document whose first key names a type wrapper ($oid, $date, …) or this form. In the
//     outermost document, which is never a type wrapper, only the key of this form counts; in the
//     scope of code, no key does;
//   - an array whose keys are not 0, 1, 2…;
//   - a regular expression whose options are not sorted, because other parsers sort them;
//   - a NaN other than 7FF8000000000001, which the driver reads from "NaN";
//   - a decimal that is not canonical: with more than 34 digits, or with extra bits in a NaN or an
//     infinity;
//   - a boolean other than 0 and 1, and binary subtype 2 with two different lengths;
//   - a document whose line would exceed MaxLine;
//   - a whole document, if nested escapes in it would take more than four times its size. This
//     bounds the work in proportion to the size of the document.
//
// With [ExtJSONOptions].Strict such a value is an error instead, [ErrInexact].
//
// # What the parser accepts
//
// [ParseExtJSON] and [AppendBSON] also read the output of other programs:
//
//   - A number without a type wrapper becomes an int32 if it fits one, otherwise an int64,
//     otherwise a double, as in the driver. A number outside the range of a double is an error.
//   - Legacy forms are accepted: $uuid, $date as text or number, $binary with $type, $code with
//     $scope in either order, $dbPointer, $symbol, $undefined.
//   - An object is a type wrapper if its first key names one. It must then have exactly the form of
//     that wrapper. So {"$type":…, "$binary":…}, in this order, is a document of two strings, as in
//     the driver, and a DBRef ($ref, $id) is a document.
//   - A byte order mark at the start of the stream is ignored. A line may end with a carriage
//     return and a newline. The last line may lack its newline, but must be complete.
//   - Errors: null and blank lines, a second document on a line, control characters, bytes that are
//     not UTF-8, lone surrogates, unknown escapes, zero bytes in keys and regular expressions,
//     numbers out of range or of more than 8,192 characters, and type wrappers with a repeated,
//     missing or extra key.
package bsoncodec
