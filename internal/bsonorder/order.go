// Package bsonorder compares BSON values in the order of MongoDB, without a collation.
package bsonorder

import (
	"bytes"
	"cmp"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// brackets are the types in the order in which servers compare values of different types
// (https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/).
var brackets = map[bson.Type]int{
	bson.TypeMinKey: -1, bson.TypeUndefined: 0, 0: 1, bson.TypeNull: 1,
	bson.TypeInt32: 2, bson.TypeInt64: 2, bson.TypeDouble: 2, bson.TypeDecimal128: 2,
	bson.TypeString: 3, bson.TypeSymbol: 3,
	bson.TypeEmbeddedDocument: 4, bson.TypeArray: 5, bson.TypeBinary: 6, bson.TypeObjectID: 7,
	bson.TypeBoolean: 8, bson.TypeDateTime: 9, bson.TypeTimestamp: 10, bson.TypeRegex: 11, bson.TypeDBPointer: 12,
	bson.TypeJavaScript: 13, bson.TypeCodeWithScope: 14, bson.TypeMaxKey: 127,
}

// Bracket returns the rank of t among the types. A missing field has type 0, and the rank of null.
func Bracket(t bson.Type) int { return brackets[t] }

// Compare compares as servers sort: first by the bracket of the type.
func Compare(a, b bson.RawValue) int {
	if c := cmp.Compare(Bracket(a.Type), Bracket(b.Type)); c != 0 {
		return c
	}
	switch Bracket(a.Type) {
	case 2:
		return CompareNumbers(a, b)
	case 3, 13:
		return bytes.Compare(Text(a), Text(b))
	case 4, 5:
		return compareDocuments(a.Value, b.Value)
	case 6, 12:
		return compareStored(a, b)
	case 9:
		return cmp.Compare(a.DateTime(), b.DateTime())
	case 10:
		at, ai := a.Timestamp()
		bt, bi := b.Timestamp()
		return cmp.Or(cmp.Compare(at, bt), cmp.Compare(ai, bi))
	case 14:
		aCode, aScope := a.CodeWithScope()
		bCode, bScope := b.CodeWithScope()
		return cmp.Or(cmp.Compare(aCode, bCode), compareDocuments(aScope, bScope))
	}
	return bytes.Compare(a.Value, b.Value)
}

// Text returns the bytes of a string, symbol or code, without the length and the terminator.
func Text(v bson.RawValue) []byte { return v.Value[4 : len(v.Value)-1] }

// compareStored compares lengths first, and then bytes as they are stored. Of a binary, these are
// the subtype and the data, and of one of subtype 2, the data have a length of their own.
func compareStored(a, b bson.RawValue) int {
	return cmp.Or(cmp.Compare(len(a.Value), len(b.Value)), bytes.Compare(a.Value, b.Value))
}

// compareDocuments compares field by field: the brackets of the types, then the names, then the
// values.
func compareDocuments(a, b bson.Raw) int {
	as, _ := a.Elements()
	bs, _ := b.Elements()
	for i := range min(len(as), len(bs)) {
		x, y := as[i].Value(), bs[i].Value()
		if c := cmp.Or(
			cmp.Compare(Bracket(x.Type), Bracket(y.Type)), cmp.Compare(as[i].Key(), bs[i].Key()), Compare(x, y),
		); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}
