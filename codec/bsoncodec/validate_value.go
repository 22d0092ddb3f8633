package bsoncodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

var (
	errUTF8    = errors.New("text that is not UTF-8")
	errBoolean = errors.New("boolean that is neither 0 nor 1")
	errSubtype = errors.New("binary subtype 2 with two lengths")
)

// fixed has the bytes of a value of each type that has always as many, plus one; 0 for every other type.
var fixedSize = [256]byte{
	0x01: 9, 0x06: 1, 0x07: 13, 0x08: 2, 0x09: 9, 0x0A: 1, 0x10: 5, 0x11: 9, 0x12: 9, 0x13: 17, 0x7F: 1, 0xFF: 1,
}

// keyEnd returns the offset behind the key at src[i], which must end before limit, or -1. Keys are short: they are looked at in
// words of 8 bytes, which costs less than a call of bytes.IndexByte.
func keyEnd(src []byte, i, limit int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; limit-i >= 8; i += 8 {
		word := binary.LittleEndian.Uint64(src[i:])
		if zeros := (word - ones) &^ word & tops; zeros != 0 { // its lowest bit is in the first byte that is 0
			return i + bits.TrailingZeros64(zeros)/8 + 1
		}
	}
	for ; i < limit; i++ {
		if src[i] == 0 {
			return i + 1
		}
	}
	return -1
}

// valueEnd returns the offset behind the value of type t at src[i], which must end before limit. Of a container it looks at the
// length alone.
func valueEnd(src []byte, t byte, i, limit int) (int, error) {
	if n := fixedSize[t]; n > 0 {
		if end := i + int(n) - 1; end <= limit {
			return end, nil
		}
		return failed, errShort
	}
	end := failed
	switch t {
	case 0x02, 0x0D, 0x0E:
		if end = stringEnd(src, i, limit); end < 0 {
			return failed, errString(src, i, limit)
		}
	case 0x03, 0x04:
		if limit-i < 5 {
			return failed, errShort
		}
		n := int(int32(binary.LittleEndian.Uint32(src[i:])))
		if n < 5 || n > limit-i {
			return failed, errLength
		}
		end = i + n
	case 0x05:
		if end = binaryEnd(src, i, limit); end < 0 {
			return failed, errLength
		}
	case 0x0B:
		if _, end = regexEnd(src, i, limit); end < 0 {
			return failed, errTerminator
		}
	case 0x0C:
		if end = stringEnd(src, i, limit); end < 0 {
			return failed, errString(src, i, limit)
		}
		if end += 12; end > limit {
			return failed, errShort
		}
	case 0x0F:
		if _, end = codeEnds(src, i, limit); end < 0 {
			return failed, errLength
		}
	default:
		return failed, fmt.Errorf("%w 0x%02x", errType, t)
	}
	return end, nil
}

// strictValue checks what [ValidateOptions].Strict adds, for the value of type t at src[i:end].
func checkStrict(src []byte, t byte, i, end int) error {
	switch t {
	case 0x02, 0x0D, 0x0E:
		if !utf8.Valid(src[i+4 : end]) {
			return errUTF8
		}
	case 0x05:
		if src[i+4] == 0x02 && (end-i < 9 || int(int32(binary.LittleEndian.Uint32(src[i+5:]))) != end-i-9) {
			return errSubtype
		}
	case 0x08:
		if src[i] > 1 {
			return errBoolean
		}
	case 0x0B:
		if !utf8.Valid(src[i:end]) {
			return errUTF8
		}
	case 0x0C:
		if !utf8.Valid(src[i+4 : end-12]) {
			return errUTF8
		}
	}
	return nil
}
