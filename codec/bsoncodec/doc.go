// Package bsoncodec turns BSON documents into MongoDB Extended JSON v2 and back, byte for byte, and frames raw BSON.
//
//   - [ExtJSON] and [ParseExtJSON]: one document a line, canonical or relaxed (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
//   - [BSON] and [ParseBSON]: documents one after the other, as in mongodump's .bson files.
//   - [AppendExtJSON], [AppendBSON] and [Validate]: the same for one document in hand.
//
// # The escape form
//
// What [ParseExtJSON] reads from canonical JSON is what [ExtJSON] was given, for every document that BSON's grammar allows, within
// the limits of depth and size. Where Extended JSON has no words for a value, it is written as
//
//	{"$millweirBSON":{"type":"02","base64":"AgAAAP8A"}}
//
// with the value's BSON type in two hex digits and its bytes as they stand in the document, lengths and terminators included (here
// a string of the one byte FF). It stands for the smallest value that holds what JSON cannot carry: all else of the document stays
// readable, and every line is JSON to any other tool. A program without this package puts together a document from it as length,
// type, key and bytes. So are written:
//
//   - text, a pattern or a namespace that is not UTF-8;
//   - a document, array or scope in which a key is not UTF-8;
//   - a document whose first key would make it a type wrapper ($oid, $date, …) or this form; where no parser looks for a type
//     wrapper, in the outermost document, this form alone, and in the scope of code neither;
//   - an array whose keys are not 0, 1, 2…;
//   - a regular expression whose options are not sorted, as other parsers sort them;
//   - a NaN other than 7FF8000000000001, the one that the driver reads from "NaN";
//   - a decimal that is not canonical: with more than 34 digits, or bits left over in a NaN or an infinity;
//   - a boolean other than 0 and 1, and binary subtype 2 whose two lengths disagree;
//   - a document whose line would pass MaxLine;
//   - a document in which so many containers around each other are to be written so that their bytes, those that lie in several of
//     them counted for each, are more than four times its own: as a whole, for the work is in proportion to its size.
//
// [ExtJSONOptions].Strict refuses them instead, with [ErrInexact].
package bsoncodec
