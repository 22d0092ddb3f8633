package bsoncodec

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/millweir/millweir/internal/bsonwire"
)

// number parses the JSON number at src[i]: an int32 or int64 if it fits one, otherwise a double.
func (p *parser) number(dst []byte, i int) ([]byte, int, byte) {
	src, k := p.src, i
	if src[k] == '-' {
		k++
	}
	first := k
	for k < len(src) && src[k]-'0' <= 9 {
		k++
	}
	if k == first || src[first] == '0' && k > first+1 {
		return dst, p.fail(k, errNumber), 0
	}
	if k == len(src) || src[k] != '.' && src[k]|0x20 != 'e' {
		if v, ok := parseInteger(src[i:k]); ok {
			if v == int64(int32(v)) {
				return binary.LittleEndian.AppendUint32(dst, uint32(v)), k, bsonwire.TypeInt32
			}
			return binary.LittleEndian.AppendUint64(dst, uint64(v)), k, bsonwire.TypeInt64
		}
	} else if k = fraction(src, k); k < 0 {
		return dst, p.fail(i, errNumber), 0
	}
	if k-i > maxNumber {
		return dst, p.fail(i, errLongNumber), 0
	}
	f, ok := parseFloat(src[i:k])
	if !ok {
		return dst, p.fail(i, errRange), 0
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), k, bsonwire.TypeDouble
}

// fraction returns the offset after the fraction and exponent at src[i], or -1.
func fraction(src []byte, i int) int {
	if src[i] == '.' {
		start := i + 1
		for i = start; i < len(src) && src[i]-'0' <= 9; i++ {
		}
		if i == start {
			return -1
		}
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		if i++; i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		start := i
		for i < len(src) && src[i]-'0' <= 9 {
			i++
		}
		if i == start {
			return -1
		}
	}
	return i
}

// parseInteger parses a decimal integer with an optional sign. It returns false if s is not one, or
// does not fit an int64.
func parseInteger(s []byte) (int64, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	for len(s) > 19 && s[0] == '0' {
		s = s[1:]
	}
	if len(s) > 19 {
		return 0, false
	}
	var v uint64
	if len(s) >= 8 {
		x := binary.LittleEndian.Uint64(s)
		if !eightDigits(x) {
			return 0, false
		}
		v, s = parseEight(x), s[8:]
	}
	for _, c := range s {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// integerError returns the reason why parseInteger failed.
func integerError(s []byte) error {
	if len(s) > 1 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	for _, c := range s {
		if c-'0' > 9 {
			return errNumber
		}
	}
	if len(s) == 0 {
		return errNumber
	}
	return errRange
}

// floatError returns the reason why parseFloat failed.
func floatError(s []byte) error {
	if _, err := strconv.ParseFloat(string(s), 64); errors.Is(err, strconv.ErrRange) {
		return errRange
	}
	return errNumber
}

// eightDigits reports whether the bytes of x are decimal digits.
func eightDigits(x uint64) bool {
	return x&(0xF0*ones)|(x+0x06*ones)&(0xF0*ones)>>4 == 0x33*ones
}

// parseEight returns the number whose decimal digits are the bytes of x, the first in the lowest
// byte.
func parseEight(x uint64) uint64 {
	x = x & (0x0F * ones) * (1 + 10<<8) >> 8
	x = x & 0x00FF00FF00FF00FF * (1 + 100<<16) >> 16
	return x & 0x0000FFFF0000FFFF * (1 + 10000<<32) >> 32
}
