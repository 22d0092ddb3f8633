package bsonwire

import "go.mongodb.org/mongo-driver/v2/bson"

// Types of elements: the first byte of each.
const (
	TypeDouble        = byte(bson.TypeDouble)
	TypeString        = byte(bson.TypeString)
	TypeDocument      = byte(bson.TypeEmbeddedDocument)
	TypeArray         = byte(bson.TypeArray)
	TypeBinary        = byte(bson.TypeBinary)
	TypeUndefined     = byte(bson.TypeUndefined)
	TypeObjectID      = byte(bson.TypeObjectID)
	TypeBoolean       = byte(bson.TypeBoolean)
	TypeDate          = byte(bson.TypeDateTime)
	TypeNull          = byte(bson.TypeNull)
	TypeRegex         = byte(bson.TypeRegex)
	TypeDBPointer     = byte(bson.TypeDBPointer)
	TypeCode          = byte(bson.TypeJavaScript)
	TypeSymbol        = byte(bson.TypeSymbol)
	TypeCodeWithScope = byte(bson.TypeCodeWithScope)
	TypeInt32         = byte(bson.TypeInt32)
	TypeTimestamp     = byte(bson.TypeTimestamp)
	TypeInt64         = byte(bson.TypeInt64)
	TypeDecimal       = byte(bson.TypeDecimal128)
	TypeMinKey        = byte(bson.TypeMinKey)
	TypeMaxKey        = byte(bson.TypeMaxKey)
)

// Subtypes of binary values.
const (
	SubtypeOld  = bson.TypeBinaryBinaryOld // its data begins with a second length
	SubtypeUUID = bson.TypeBinaryUUID
)

// Sizes in bytes.
const (
	LengthSize      = 4              // a length
	MinDocumentSize = LengthSize + 1 // an empty document: its length and terminator
	ObjectIDSize    = 12             // an ObjectID
	BinaryHeadSize  = LengthSize + 1 // before the data of a binary value: its length and subtype
	minStringSize   = LengthSize + 1 // an empty string: its length and terminator
	minCodeSize     = LengthSize + minStringSize + MinDocumentSize
)

// fixedSizes holds the size of a value plus one for each type with values of one size, and 0 for
// every other type.
var fixedSizes = [256]byte{
	TypeDouble: 9, TypeUndefined: 1, TypeObjectID: 13, TypeBoolean: 2, TypeDate: 9, TypeNull: 1, TypeInt32: 5,
	TypeTimestamp: 9, TypeInt64: 9, TypeDecimal: 17, TypeMaxKey: 1, TypeMinKey: 1,
}

// FixedSize returns the size of a value of type t, or -1 if t is unknown or its values differ in
// size.
func FixedSize(t byte) int { return int(fixedSizes[t]) - 1 }
