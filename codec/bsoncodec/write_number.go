package bsoncodec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// digitPairs holds the two decimal digits of 0 to 99.
var digitPairs = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()

// appendInt appends v in decimal.
func appendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	return appendUint(dst, u)
}

// appendUint appends v in decimal.
func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 10:
		return append(dst, byte('0'+v))
	case v < 100:
		return binary.LittleEndian.AppendUint16(dst, digitPairs[v])
	}
	n := digits(v)
	dst = slices.Grow(dst, n)
	j := len(dst)
	dst = dst[:j+n]
	d := dst[j:]
	for v >= 10000 {
		q := v / 10000
		r := uint32(v - q*10000)
		n -= 4
		binary.LittleEndian.PutUint32(d[n:n+4], uint32(digitPairs[r/100])|uint32(digitPairs[r%100])<<16)
		v = q
	}
	if v >= 100 {
		n -= 2
		binary.LittleEndian.PutUint16(d[n:], digitPairs[v%100])
		v /= 100
	}
	if v >= 10 {
		binary.LittleEndian.PutUint16(d, digitPairs[v])
	} else {
		d[0] = byte('0' + v)
	}
	return dst
}

// digits returns the number of decimal digits of v, which is not 0.
func digits(v uint64) int {
	n := bits.Len64(v) * 1233 >> 12
	if v >= powers[n] {
		n++
	}
	return n
}

// powers holds the powers of ten that fit 64 bits.
var powers = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

func appendInt32(dst []byte, v int32, relaxed bool) []byte {
	if relaxed {
		return appendInt(dst, int64(v))
	}
	dst = append(dst, `{"$numberInt":"`...)
	dst = appendInt(dst, int64(v))
	return append(dst, `"}`...)
}

func appendInt64(dst []byte, v int64, relaxed bool) []byte {
	if relaxed {
		return appendInt(dst, v)
	}
	dst = append(dst, `{"$numberLong":"`...)
	dst = appendInt(dst, v)
	return append(dst, `"}`...)
}

func appendTimestamp(dst []byte, v uint64) []byte {
	dst = append(dst, `{"$timestamp":{"t":`...)
	dst = appendUint(dst, v>>32)
	dst = append(dst, `,"i":`...)
	dst = appendUint(dst, v&math.MaxUint32)
	return append(dst, `}}`...)
}

// nan is the only NaN that the driver reads from "NaN".
var nan = math.Float64bits(math.NaN())

// appendDouble appends the double with these bits: the shortest digits that restore it, with a
// point or an exponent. It returns false for a NaN with another payload.
func appendDouble(dst []byte, b uint64, relaxed bool) ([]byte, bool) {
	if b&^(1<<63) >= 0x7FF<<52 {
		dst = append(dst, `{"$numberDouble":"`...)
		switch b {
		case nan:
			dst = append(dst, "NaN"...)
		case 0x7FF << 52:
			dst = append(dst, "Infinity"...)
		case 0xFFF << 52:
			dst = append(dst, "-Infinity"...)
		default:
			return dst, false
		}
		return append(dst, `"}`...), true
	}
	if !relaxed {
		dst = append(dst, `{"$numberDouble":"`...)
	}
	dst = appendFloat(dst, b)
	if !relaxed {
		dst = append(dst, `"}`...)
	}
	return dst, true
}

// appendFloat appends a finite double as strconv's format 'G' does, and ".0" if the result would
// read as an integer.
func appendFloat(dst []byte, b uint64) []byte {
	f := math.Float64frombits(b)
	if a := math.Abs(f); a < 1e6 && a >= 1e-4 || b == 0 {
		// A number of at most 12 digits, six of them after the point. If it equals f, these are the
		// shortest digits of f, because no two decimals of up to 15 digits round to the same
		// double.
		n := uint64(a*1e6 + 0.5)
		if float64(n)/1e6 == a {
			if b>>63 != 0 {
				dst = append(dst, '-')
			}
			return appendMillionths(dst, n)
		}
		return appendPlain(dst, f)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'G', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'E' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// appendPlain appends a double of 1e-4 to 1e6 with more than six digits after its point, without an
// exponent. It uses strconv's format 'E', which copies all digits at once and so is faster than
// 'G'.
func appendPlain(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'E', -1, 64) // as in -1.2345678E-01
	m := dst[start:]
	if m[0] == '-' {
		m = m[1:]
	}
	n := len(m) - len("E-01")
	if n < len("1.2") {
		return strconv.AppendFloat(dst[:start], f, 'G', -1, 64)
	}
	by := int(m[n+3] - '0') // at most 5, so one digit
	if m[n+1] == '+' {
		if n-2 <= by {
			return strconv.AppendFloat(dst[:start], f, 'f', 1, 64) // an integer, which appendFloat has already written
		}
		copy(m[1:], m[2:2+by])
		m[1+by] = '.'
		return dst[:len(dst)-len("E+01")]
	}
	copy(m[2+by:], m[2:n])
	copy(m[1:], ".0000"[:by+1])
	m[0], m[1+by] = '0', m[0]
	return dst[:len(dst)-len("E-01")+by]
}

// appendMillionths appends n/1e6 with at least one digit after the point and no other trailing
// zeros.
func appendMillionths(dst []byte, n uint64) []byte {
	whole, frac := n/1e6, uint32(n%1e6)
	dst = appendUint(dst, whole)
	var d [8]byte
	binary.LittleEndian.PutUint16(d[0:], digitPairs[frac/10000])
	binary.LittleEndian.PutUint16(d[2:], digitPairs[frac/100%100])
	binary.LittleEndian.PutUint16(d[4:], digitPairs[frac%100])
	k := 6
	for k > 1 && d[k-1] == '0' {
		k--
	}
	dst = append(dst, '.')
	return append(dst, d[:k]...)
}
