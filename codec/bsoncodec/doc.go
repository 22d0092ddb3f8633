// Package bsoncodec turns BSON documents into MongoDB Extended JSON v2 and back, byte for byte, and frames raw BSON.
//
//   - [ExtJSON] and [ParseExtJSON]: one document a line, canonical or relaxed (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
//   - [BSON] and [ParseBSON]: documents one after the other, as in mongodump's .bson files.
package bsoncodec
