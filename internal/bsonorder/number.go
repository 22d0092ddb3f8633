package bsonorder

import (
	"cmp"
	"math"
	"math/big"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// CompareNumbers compares the values of numbers, exactly and whatever their types. NaN comes first.
func CompareNumbers(a, b bson.RawValue) int {
	x, xInt := a.AsInt64OK()
	y, yInt := b.AsInt64OK()
	whole := func(v bson.RawValue) bool { return v.Type == bson.TypeInt32 || v.Type == bson.TypeInt64 }
	switch {
	case xInt && yInt && whole(a) && whole(b):
		return cmp.Compare(x, y)
	case a.Type == bson.TypeDouble && b.Type == bson.TypeDouble:
		return cmp.Compare(a.Double(), b.Double())
	}
	if c := cmp.Compare(Rank(a), Rank(b)); c != 0 || Rank(a) != Finite {
		return c
	}
	return Rational(a).Cmp(Rational(b))
}

// The ranks of numbers, in their order.
const (
	NotANumber = iota
	NegativeInfinity
	Finite
	Infinity
)

// Rank returns whether the number v is finite, and its place in the order if it is not.
func Rank(v bson.RawValue) int {
	switch sign := infinite(v); {
	case IsNaN(v):
		return NotANumber
	case sign < 0:
		return NegativeInfinity
	case sign > 0:
		return Infinity
	}
	return Finite
}

// infinite returns the sign of an infinity, and 0 for other numbers.
func infinite(v bson.RawValue) int {
	switch v.Type {
	case bson.TypeDouble:
		if f := v.Double(); math.IsInf(f, 0) {
			return int(math.Copysign(1, f))
		}
	case bson.TypeDecimal128:
		return v.Decimal128().IsInf()
	}
	return 0
}

// IsNaN reports whether v is NaN, to which nothing is greater in a filter, unlike in a sort.
func IsNaN(v bson.RawValue) bool {
	switch v.Type {
	case bson.TypeDouble:
		return math.IsNaN(v.Double())
	case bson.TypeDecimal128:
		return v.Decimal128().IsNaN()
	}
	return false
}

// Rational returns the value of a finite number.
func Rational(v bson.RawValue) *big.Rat {
	switch v.Type {
	case bson.TypeDouble:
		return new(big.Rat).SetFloat64(v.Double())
	case bson.TypeDecimal128:
		digits, exponent, err := v.Decimal128().BigInt()
		if err != nil {
			return new(big.Rat)
		}
		power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
		if exponent < 0 {
			return new(big.Rat).SetFrac(digits, power)
		}
		return new(big.Rat).SetInt(digits.Mul(digits, power))
	}
	return new(big.Rat).SetInt64(v.AsInt64())
}
