package bsonorder_test

import (
	"cmp"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

func decimal(t *testing.T, text string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func binary(subtype byte, data string) bson.Binary {
	return bson.Binary{Subtype: subtype, Data: []byte(data)}
}

// Values compare as servers compare them: those of a line are equal, and less than those of the
// next.
func TestCompare(t *testing.T) {
	id := bson.ObjectID{1}
	type document = bson.D
	ascending := [][]any{
		{bson.MinKey{}},
		{bson.Undefined{}},
		{bson.Null{}},
		{math.NaN(), decimal(t, "NaN")},
		{math.Inf(-1), decimal(t, "-Infinity")},
		{decimal(t, "-1E+6000")},
		{-math.MaxFloat64},
		{-0x1p63, int64(math.MinInt64), decimal(t, "-9223372036854775808")},
		{int64(math.MinInt64 + 1)},
		{int32(-1), int64(-1), -1.0, decimal(t, "-1"), decimal(t, "-1.0")},
		{-0.1},
		{decimal(t, "-0.1")},
		{decimal(t, "-1E-6000")},
		{int32(0), int64(0), 0.0, math.Copysign(0, -1), decimal(t, "0"), decimal(t, "-0E+3")},
		{math.SmallestNonzeroFloat64},
		{decimal(t, "0.1")},
		{0.1},
		{decimal(t, "0.5"), 0.5},
		{int32(2), int64(2), 2.0, decimal(t, "20E-1")},
		{int64(1) << 53, 0x1p53},
		{int64(1)<<53 + 1, decimal(t, "9007199254740993")},
		{int64(math.MaxInt64), decimal(t, "9223372036854775807")},
		{0x1p63},
		{decimal(t, "1E+6000")},
		{math.Inf(1), decimal(t, "Infinity")},
		{"", bson.Symbol("")},
		{"\x00"},
		{"a", bson.Symbol("a")},
		{"aa"},
		{bson.Symbol("b")},
		{"é"},
		{document{}},
		{document{{Key: "b", Value: bson.MinKey{}}}},
		{document{{Key: "a", Value: int32(1)}}, document{{Key: "a", Value: 1.0}}},
		{document{{Key: "a", Value: int32(1)}, {Key: "b", Value: int32(0)}}},
		{document{{Key: "a", Value: int32(2)}}},
		{document{{Key: "b", Value: int32(1)}}}, // names come before values
		{document{{Key: "a", Value: "1"}}},      // and types before names
		{document{{Key: "a", Value: binary(0, "12345")}}},
		{document{{Key: "a", Value: binary(2, "12")}}},
		{bson.A{}},
		{bson.A{int32(1)}},
		{bson.A{int32(1), int32(1)}},
		{bson.A{int64(2)}},
		{binary(0, "")},
		{binary(5, "")},
		{binary(0, "b")},
		{binary(128, "a")},
		{binary(0, "abc")},
		{binary(2, "")}, // has a length of 4 more
		{binary(3, "1234")},
		{binary(0, "abcde")},
		{binary(2, "a")},
		{binary(2, "b")},
		{binary(4, "abcde")},
		{bson.ObjectID{}},
		{id},
		{bson.ObjectID{0xff}},
		{false},
		{true},
		{bson.DateTime(math.MinInt64)},
		{bson.DateTime(-1)},
		{bson.DateTime(0)},
		{bson.DateTime(256)},
		{bson.Timestamp{}},
		{bson.Timestamp{I: 256}},
		{bson.Timestamp{I: math.MaxUint32}},
		{bson.Timestamp{T: 1}},
		{bson.Timestamp{T: math.MaxUint32}},
		{bson.Regex{Pattern: "a"}},
		{bson.Regex{Pattern: "a", Options: "i"}},
		{bson.Regex{Pattern: "ab"}},
		{bson.Regex{Pattern: "b"}},
		{bson.DBPointer{DB: "b", Pointer: id}},
		{bson.DBPointer{DB: "aa", Pointer: bson.ObjectID{}}},
		{bson.DBPointer{DB: "aa", Pointer: id}},
		{bson.JavaScript("a")},
		{bson.JavaScript("aa")},
		{bson.JavaScript("b")},
		{bson.CodeWithScope{Code: "a", Scope: document{}}},
		{bson.CodeWithScope{Code: "a", Scope: document{{Key: "x", Value: int32(256)}}}},
		{bson.CodeWithScope{Code: "a", Scope: document{{Key: "x", Value: int64(257)}}}},
		{bson.CodeWithScope{Code: "aa", Scope: document{}}},
		{bson.CodeWithScope{Code: "b", Scope: document{}}},
		{bson.MaxKey{}},
	}
	type ranked struct {
		rank  int
		value bson.RawValue
	}
	var all []ranked
	for rank, equal := range ascending {
		for _, v := range equal {
			kind, value, err := bson.MarshalValue(v)
			if err != nil {
				t.Fatal(v, err)
			}
			all = append(all, ranked{rank, bson.RawValue{Type: kind, Value: value}})
		}
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := bsonorder.Compare(a.value, b.value), cmp.Compare(a.rank, b.rank); got != want {
				t.Errorf("%s and %s compare as %d, and not as %d", a.value, b.value, got, want)
			}
		}
	}
}

// A missing field sorts as null.
func TestCompareMissing(t *testing.T) {
	if c := bsonorder.Compare(bson.RawValue{}, bson.RawValue{Type: bson.TypeNull}); c != 0 {
		t.Error(c)
	}
}
