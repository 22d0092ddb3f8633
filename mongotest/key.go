package mongotest

import (
	"encoding/binary"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// appendKey appends a key of v to b. Values have the same key if they compare as equal, whatever
// their types.
func appendKey(b []byte, v bson.RawValue) []byte {
	b = append(b, byte(bsonorder.Bracket(v.Type)))
	switch v.Type {
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return appendNumberKey(b, v)
	case bson.TypeString, bson.TypeSymbol:
		return append(b, bsonorder.Text(v)...)
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		elements, _ := bson.Raw(v.Value).Elements()
		for _, e := range elements {
			inner := appendKey(nil, e.Value())
			b = append(append(b, e.Key()...), 0)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(inner))), inner...)
		}
		return b
	}
	return append(b, v.Value...)
}

// The forms of a number in a key.
const (
	wholeKey = iota
	fractionKey
	specialKey
)

func appendNumberKey(b []byte, v bson.RawValue) []byte {
	switch v.Type {
	case bson.TypeInt32, bson.TypeInt64:
		return binary.BigEndian.AppendUint64(append(b, wholeKey), uint64(v.AsInt64()))
	case bson.TypeDouble:
		if f := v.Double(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return binary.BigEndian.AppendUint64(append(b, wholeKey), uint64(int64(f)))
		}
	}
	if bsonorder.Rank(v) != bsonorder.Finite {
		return append(b, specialKey, byte(bsonorder.Rank(v)))
	}
	r := bsonorder.Rational(v)
	if r.IsInt() && r.Num().IsInt64() {
		return binary.BigEndian.AppendUint64(append(b, wholeKey), uint64(r.Num().Int64()))
	}
	return append(append(b, fractionKey), r.RatString()...)
}
