package bsonwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Each function in this file returns the offset after a key or value at src[i] that must end at or
// before limit, or a negative number if it does not. i is at most limit, and limit is at most
// len(src).

// KeyEnd returns the offset after the key at src[i] and its terminator. Keys are short: reading
// words of 8 bytes costs less than a call of bytes.IndexByte.
func KeyEnd(src []byte, i, limit int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; limit-i >= 8; i += 8 {
		word := binary.LittleEndian.Uint64(src[i:])
		if zeros := (word - ones) &^ word & tops; zeros != 0 { // its lowest bit is in the first zero byte
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

// StringEnd returns the offset after the string at src[i].
func StringEnd(src []byte, i, limit int) int {
	if limit-i < minStringSize {
		return -1
	}
	n := Length(src, i)
	if n < 1 || n > limit-i-LengthSize || src[i+LengthSize+n-1] != 0 {
		return -1
	}
	return i + LengthSize + n
}

// StringError returns the reason why StringEnd failed.
func StringError(src []byte, i, limit int) error {
	if limit-i < minStringSize {
		return ErrShort
	}
	if n := Length(src, i); n < 1 || n > limit-i-LengthSize {
		return ErrLength
	}
	return ErrTerminator
}

// BinaryEnd returns the offset after the binary value at src[i].
func BinaryEnd(src []byte, i, limit int) int {
	if limit-i < BinaryHeadSize {
		return -1
	}
	n := Length(src, i)
	if n < 0 || n > limit-i-BinaryHeadSize {
		return -1
	}
	return i + BinaryHeadSize + n
}

// RegexEnds returns the offset of the options of the regular expression at src[i], and the offset
// after the whole value.
func RegexEnds(src []byte, i, limit int) (options, end int) {
	n := bytes.IndexByte(src[i:limit], 0)
	if n < 0 {
		return -1, -1
	}
	options = i + n + 1
	if n = bytes.IndexByte(src[options:limit], 0); n < 0 {
		return -1, -1
	}
	return options, options + n + 1
}

// CodeEnds returns the offset of the scope of the code with scope at src[i], and the offset after
// the whole value. It does not check the scope.
func CodeEnds(src []byte, i, limit int) (scope, end int) {
	if limit-i < minCodeSize {
		return -1, -1
	}
	n := Length(src, i)
	if n < minCodeSize || n > limit-i {
		return -1, -1
	}
	end = i + n
	if scope = StringEnd(src, i+LengthSize, end-MinDocumentSize); scope < 0 {
		return -1, -1
	}
	return scope, end
}

// ValueEnd returns the offset after the value of type t at src[i]. It checks only the length of a
// document or array.
func ValueEnd(src []byte, t byte, i, limit int) (int, error) {
	if n := FixedSize(t); n >= 0 {
		if end := i + n; end <= limit {
			return end, nil
		}
		return -1, ErrShort
	}
	end := -1
	switch t {
	case TypeString, TypeCode, TypeSymbol:
		if end = StringEnd(src, i, limit); end < 0 {
			return -1, StringError(src, i, limit)
		}
	case TypeDocument, TypeArray:
		if limit-i < MinDocumentSize {
			return -1, ErrShort
		}
		n := Length(src, i)
		if n < MinDocumentSize || n > limit-i {
			return -1, ErrLength
		}
		end = i + n
	case TypeBinary:
		if end = BinaryEnd(src, i, limit); end < 0 {
			return -1, ErrLength
		}
	case TypeRegex:
		if _, end = RegexEnds(src, i, limit); end < 0 {
			return -1, ErrTerminator
		}
	case TypeDBPointer:
		if end = StringEnd(src, i, limit); end < 0 {
			return -1, StringError(src, i, limit)
		}
		if end += ObjectIDSize; end > limit {
			return -1, ErrShort
		}
	case TypeCodeWithScope:
		if _, end = CodeEnds(src, i, limit); end < 0 {
			return -1, ErrLength
		}
	default:
		return -1, TypeError(t)
	}
	return end, nil
}

// TypeError returns the error of an unknown type.
func TypeError(t byte) error { return fmt.Errorf("%w 0x%02x", ErrType, t) }
