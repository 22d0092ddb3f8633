package bsoncodec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

const (
	exactDigits = 15 // a double holds each number of 15 digits exactly
	fitDigits   = 19 // a uint64 holds each number of 19 digits
)

// parseFloat parses a decimal number with an optional sign, point and exponent. It returns false if
// s is not one, or exceeds the range of a double.
func parseFloat(s []byte) (float64, bool) {
	i := 0
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		i++
	}
	start := i
	m, i := parseDigits(0, s, i)
	digits, exp := i-start, 0
	if i < len(s) && s[i] == '.' {
		start = i + 1
		m, i = parseDigits(m, s, start)
		exp = start - i
		digits -= exp
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(s) {
		e, ok := parseExponent(s[i:])
		if !ok {
			return 0, false
		}
		exp += e
	}
	var f float64
	switch {
	case digits <= exactDigits && -22 <= exp && exp < 0: // both are exact, so the result is rounded once
		f = float64(m) / exactPowers[-exp]
	case digits <= exactDigits && 0 <= exp && exp <= 22:
		f = float64(m) * exactPowers[exp]
	case digits <= fitDigits && -19 <= exp && exp < 0 && m > 0:
		f = quotient(m, integerPowers[-exp])
	default:
		f, err := strconv.ParseFloat(string(s), 64)
		return f, err == nil
	}
	if neg {
		f = -f
	}
	return f, true
}

// parseDigits appends the decimal digits from s[i] on to the number m, modulo 2^64. It returns the
// offset after them.
func parseDigits(m uint64, s []byte, i int) (uint64, int) {
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		if !eightDigits(x) {
			break
		}
		m = m*1e8 + parseEight(x)
	}
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		m = m*10 + uint64(s[i]-'0')
	}
	return m, i
}

// quotient returns the double that is nearest to x / y. If two are, it is the one with an even
// mantissa, as in IEEE 754. Neither x nor y is 0.
func quotient(x, y uint64) float64 {
	up, down := bits.LeadingZeros64(y), bits.LeadingZeros64(x)
	hi, lo := x<<down, uint64(0)
	y <<= up
	scale := up - down - 64
	if hi >= y {
		hi, lo, scale = hi>>1, hi<<63, scale+1
	}
	q, rest := bits.Div64(hi, lo, y) // all 64 bits of q are significant: y/2 <= hi < y
	if rest > 0 {
		q |= 1 // the conversion must not take q for a number halfway between two doubles
	}
	return float64(q) * math.Float64frombits(uint64(1023+scale)<<52) // times 2^scale, which is exact
}

// exactPowers holds the powers of ten that are exact doubles.
var exactPowers = [23]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// integerPowers holds the powers of ten that fit a uint64.
var integerPowers = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}
