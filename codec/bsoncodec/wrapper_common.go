package bsoncodec

import (
	"encoding/binary"

	"github.com/millweir/millweir/internal/bsonwire"
)

// fastWrapper parses the type wrappers in the form that programs usually write: no white space or
// escapes, and the usual order of keys. src[i] is the byte after the opening `{"$`. For other text
// it returns a negative offset and no error; wrapperValue then parses the object and reports
// errors.
func (p *parser) fastWrapper(dst []byte, i int) ([]byte, int, byte) {
	src := p.src
	if len(src)-i < 12 {
		return dst, failed, 0
	}
	switch src[i] {
	case 'n':
		switch {
		case hasPrefix(src, i, `numberInt":"`):
			v, next := parseShortInteger(src, i+12)
			if next < 0 || v != int64(int32(v)) || !hasPrefix(src, next, `"}`) {
				break
			}
			return binary.LittleEndian.AppendUint32(dst, uint32(v)), next + 2, bsonwire.TypeInt32
		case hasPrefix(src, i, `numberLong":"`):
			v, next := parseShortInteger(src, i+13)
			if next < 0 || !hasPrefix(src, next, `"}`) {
				break
			}
			return binary.LittleEndian.AppendUint64(dst, uint64(v)), next + 2, bsonwire.TypeInt64
		case hasPrefix(src, i, `numberDouble":"`):
			end := i + 15
			for end < len(src) && src[end] > '"' && src[end] != '\\' {
				end++
			}
			if end-i > maxNumber {
				break
			}
			b, err := doubleBits(src[i+15 : end])
			if err != nil || !hasPrefix(src, end, `"}`) {
				break
			}
			return binary.LittleEndian.AppendUint64(dst, b), end + 2, bsonwire.TypeDouble
		case hasPrefix(src, i, `numberDecimal":"`):
			end := i + 16
			for end < len(src) && src[end] > '"' && src[end] != '\\' {
				end++
			}
			if end-i > maxNumber {
				break
			}
			high, low, ok := parseDecimal(src[i+16 : end])
			if !ok || !hasPrefix(src, end, `"}`) {
				break
			}
			dst = binary.LittleEndian.AppendUint64(dst, low)
			return binary.LittleEndian.AppendUint64(dst, high), end + 2, bsonwire.TypeDecimal
		}
	case 'o':
		if len(src)-i < 32 || string(src[i:i+6]) != `oid":"` || string(src[i+30:i+32]) != `"}` {
			break
		}
		var id [12]byte
		bad := byte(0)
		hex := src[i+6 : i+30]
		for k := range id {
			a, b := unhex[hex[2*k]], unhex[hex[2*k+1]]
			bad |= a | b
			id[k] = a<<4 | b
		}
		if bad > 15 {
			break
		}
		return append(dst, id[:]...), i + 32, bsonwire.TypeObjectID
	case 'd':
		if !hasPrefix(src, i, `date":{"$numberLong":"`) {
			break
		}
		v, next := parseShortInteger(src, i+22)
		if next < 0 || !hasPrefix(src, next, `"}}`) {
			break
		}
		return binary.LittleEndian.AppendUint64(dst, uint64(v)), next + 3, bsonwire.TypeDate
	case 'b':
		if !hasPrefix(src, i, `binary":{"base64":"`) {
			break
		}
		end := base64End(src, i+19)
		if !hasPrefix(src, end, `","subType":"`) || !hasPrefix(src, end+15, `"}}`) {
			break
		}
		subtype, ok := hexByte(src[end+13 : end+15])
		if !ok || !p.base64Fits(src[i+19:end]) {
			break
		}
		start := len(dst)
		dst = p.reserve(dst, strictBase64.DecodedLen(end-i)+spare)
		if dst, ok = appendBinaryValue(dst, src[i+19:end], subtype); !ok {
			return dst[:start], failed, 0
		}
		return dst, end + 18, bsonwire.TypeBinary
	}
	return dst, failed, 0
}

// parseShortInteger parses a decimal integer of up to 18 digits at src[i]. It returns the integer
// and the offset after it, or a negative offset.
func parseShortInteger(src []byte, i int) (int64, int) {
	neg := i < len(src) && src[i] == '-'
	if neg {
		i++
	}
	start, v := i, int64(0)
	if i+8 <= len(src) {
		if x := binary.LittleEndian.Uint64(src[i:]); eightDigits(x) {
			v, i = int64(parseEight(x)), i+8
		}
	}
	for i < len(src) {
		c := src[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + int64(c)
		i++
	}
	if i == start || i > start+18 {
		return 0, failed
	}
	if neg {
		v = -v
	}
	return v, i
}

// base64End returns the offset of the first byte from i on that is not part of a text without
// escapes.
func base64End(src []byte, i int) int {
	for i+8 <= len(src) && special(binary.LittleEndian.Uint64(src[i:])) == 0 {
		i += 8
	}
	for i < len(src) && src[i] >= ' ' && src[i] != '"' && src[i] != '\\' && src[i] < 0x80 {
		i++
	}
	return i
}
