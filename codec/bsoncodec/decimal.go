package bsoncodec

import (
	"math"
	"math/bits"
)

// A Decimal128 (IEEE 754-2008, binary integer significand) has its sign in the top bit of the high
// word, then 14 bits of exponent and 113 bits of significand. It is canonical if its significand
// has at most 34 digits, and if an infinity or NaN has no other bits.
const (
	decimalBias    = 6176
	decimalMaxExp  = 6111
	decimalMinExp  = -decimalBias
	decimalDigits  = 34
	decimalInf     = 0x78 << 56
	decimalNaN     = 0x7C << 56
	decimalMaxHigh = 0x1ED09BEAD87C0 // the high word of 10^34 - 1
	decimalMaxLow  = 0x378D8E63FFFFFFFF
)

// appendDecimal appends the Decimal128 with these two words, in the form to-scientific-string of
// the General Decimal Arithmetic specification (http://speleotrove.com/decimal/daconvs.html). It
// returns false if the value is not canonical.
func appendDecimal(dst []byte, high, low uint64) ([]byte, bool) {
	dst = append(dst, `{"$numberDecimal":"`...)
	neg, h := high>>63 != 0, high&^(1<<63)
	switch {
	case high == decimalNaN && low == 0:
		return append(dst, `NaN"}`...), true
	case h == decimalInf && low == 0:
		if neg {
			dst = append(dst, '-')
		}
		return append(dst, `Infinity"}`...), true
	case h>>61 == 3:
		return dst, false
	}
	exp := int(h>>49) - decimalBias
	h &= 1<<49 - 1
	if h > decimalMaxHigh || h == decimalMaxHigh && low > decimalMaxLow {
		return dst, false
	}
	if neg {
		dst = append(dst, '-')
	}
	var buf [40]byte
	return append(appendScientific(dst, significand(&buf, h, low), exp), `"}`...), true
}

// significand returns the decimal digits of a significand, stored at the end of buf.
func significand(buf *[40]byte, h, l uint64) []byte {
	const chunk = 1e18
	i := len(buf)
	if h != 0 {
		var r uint64
		l, r = bits.Div64(h, l, chunk)
		for range 18 {
			i--
			buf[i] = byte('0' + r%10)
			r /= 10
		}
	}
	for l != 0 {
		i--
		buf[i] = byte('0' + l%10)
		l /= 10
	}
	if i == len(buf) {
		i--
		buf[i] = '0'
	}
	return buf[i:]
}

// appendScientific appends digits × 10^exp.
func appendScientific(dst, digits []byte, exp int) []byte {
	adjusted := exp + len(digits) - 1
	if exp > 0 || adjusted < -6 {
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(dst, '.')
			dst = append(dst, digits[1:]...)
		}
		dst = append(dst, 'E')
		if adjusted >= 0 {
			dst = append(dst, '+')
		}
		return appendInt(dst, int64(adjusted))
	}
	point := len(digits) + exp
	if exp == 0 {
		return append(dst, digits...)
	}
	if point <= 0 {
		dst = append(dst, "0.000000"[:2-point]...)
		return append(dst, digits...)
	}
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// parseDecimal returns the words of the Decimal128 with text s. It returns false if s is not a
// decimal or has no exact Decimal128.
func parseDecimal(s []byte) (high, low uint64, ok bool) {
	var sign uint64
	body := s
	if len(body) > 0 && (body[0] == '-' || body[0] == '+') {
		if body[0] == '-' {
			sign = 1 << 63
		}
		body = body[1:]
	}
	switch {
	case equalFold(body, "nan"):
		return decimalNaN, 0, true
	case equalFold(body, "inf"), equalFold(body, "infinity"):
		return decimalInf | sign, 0, true
	}
	var h, l uint64
	seen, point, exp := false, false, 0
	n, zeros := 0, 0 // n digits are in h and l; zeros more follow, not yet multiplied in
	i := 0
	for ; i < len(body); i++ {
		c := body[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c -= '0'; c > 9 {
			break
		}
		seen = true
		if point {
			exp--
		}
		if c == 0 {
			if n > 0 {
				zeros++
			}
			continue
		}
		for ; zeros >= 0; zeros-- { // the pending zeros, then the digit
			if n++; n > decimalDigits {
				return 0, 0, false
			}
			h, l = timesTen(h, l)
		}
		zeros = 0
		var carry uint64
		l, carry = bits.Add64(l, uint64(c), 0)
		h += carry
	}
	if !seen {
		return 0, 0, false
	}
	if i < len(body) {
		e, ok := parseExponent(body[i:])
		if !ok {
			return 0, 0, false
		}
		exp += e
	}
	if n == 0 {
		exp = min(max(exp, decimalMinExp), decimalMaxExp)
	}
	for ; zeros > 0 && exp < decimalMinExp; zeros-- { // zeros raise an exponent that is too small
		exp++
	}
	for ; zeros > 0 && n < decimalDigits; zeros-- {
		h, l = timesTen(h, l)
		n++
	}
	exp += zeros
	for ; exp < decimalMinExp; exp++ {
		q := h / 10
		l2, r := bits.Div64(h%10, l, 10)
		if r != 0 {
			return 0, 0, false
		}
		h, l = q, l2
	}
	for ; exp > decimalMaxExp; exp-- {
		if n++; n > decimalDigits {
			return 0, 0, false
		}
		h, l = timesTen(h, l)
	}
	return sign | uint64(exp+decimalBias)<<49 | h, l, true
}

func timesTen(h, l uint64) (uint64, uint64) {
	carry, low := bits.Mul64(l, 10)
	return h*10 + carry, low
}

// maxExponent stands for every larger exponent: no input has enough digits to compensate for it.
const maxExponent = math.MaxInt / 20

// parseExponent parses "E5", "e-05" or "E+5".
func parseExponent(s []byte) (int, bool) {
	if len(s) < 2 || s[0]|0x20 != 'e' {
		return 0, false
	}
	s = s[1:]
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	e := 0
	for _, c := range s {
		if c -= '0'; c > 9 {
			return 0, false
		}
		e = min(e*10+int(c), maxExponent)
	}
	if neg {
		e = -e
	}
	return e, true
}

// equalFold reports whether s equals t, ignoring case. t is lower-case ASCII.
func equalFold(s []byte, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i, c := range s {
		if c|0x20 != t[i] {
			return false
		}
	}
	return true
}
