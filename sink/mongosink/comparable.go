package mongosink

import (
	"encoding/binary"
	"math"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxComparedDepth limits the nesting of an _id. Values that are nested deeper count as equal.
const maxComparedDepth = 10

// appendComparable appends bytes to dst. Two values that a server may take for equal get equal bytes:
// numbers of different types, and texts under a collation. Some other values get equal bytes too.
func appendComparable(dst []byte, v bson.RawValue, collated bool, depth int) []byte {
	switch v.Type {
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return binary.LittleEndian.AppendUint64(append(dst, '1'), math.Float64bits(roundedNumber(v)))
	case bson.TypeString, bson.TypeSymbol:
		if dst = append(dst, 'a'); collated {
			return dst
		}
		return append(dst, v.Value...)
	case bson.TypeCodeWithScope:
		return append(dst, byte(v.Type))
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		dst = append(dst, byte(v.Type))
		if depth == maxComparedDepth {
			return dst
		}
		elements, _ := bson.Raw(v.Value).Elements()
		for _, e := range elements {
			dst = append(append(dst, e.Key()...), 0)
			dst = appendComparable(dst, e.Value(), collated, depth+1)
		}
		return append(dst, 0)
	}
	return append(append(dst, byte(v.Type)), v.Value...)
}

// roundedNumber returns the nearest double of a number, which is the same for equal numbers.
func roundedNumber(v bson.RawValue) float64 {
	var f float64
	switch v.Type {
	case bson.TypeInt32:
		f = float64(v.Int32())
	case bson.TypeInt64:
		f = float64(v.Int64())
	case bson.TypeDouble:
		f = v.Double()
	default:
		f, _ = strconv.ParseFloat(v.Decimal128().String(), 64) // ±Inf if it is too large
	}
	switch {
	case f == 0:
		return 0 // and not -0
	case f != f:
		return math.NaN()
	}
	return f
}
