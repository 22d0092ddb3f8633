package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

var (
	errWrapper  = errors.New("not the form of this type wrapper")
	errMore     = errors.New("further keys in a type wrapper")
	errTwice    = errors.New("a key twice in a type wrapper")
	errOID      = errors.New("not 24 hex digits")
	errUUID     = errors.New("not a UUID")
	errBase64   = errors.New("not base64")
	errDecimal  = errors.New("not a decimal that a Decimal128 holds exactly")
	errDate     = errors.New("not a date")
	errBSONType = errors.New("not a subtype or type in two hex digits")
)

// wrapped parses the object that begins with the key of the type wrapper w: behind the brace lies src[open], behind the key src[i].
// It returns the offset behind the object and the type of the value.
//
// It takes any white space, order of keys and legacy form; what programs write lies in [parser.common].
func (p *parser) wrapperValue(dst []byte, w wrapperKind, open, i, depth int) ([]byte, int, byte) {
	if i = p.colon(i); i < 0 {
		return dst, failed, 0
	}
	var t byte
	switch w {
	case wrapEscape:
		return p.escapedValue(dst, i, depth)
	case wrapBinary:
		return p.binary(dst, i)
	case wrapCode:
		return p.code(dst, i, depth)
	case wrapScope:
		return p.scopeFirst(dst, i, depth)
	case wrapTimestamp:
		return p.timestamp(dst, i)
	case wrapRegex:
		return p.regex(dst, i)
	case wrapDBPointer:
		return p.dbPointer(dst, i)
	case wrapDate:
		dst, i = p.date(dst, i)
		t = 0x09
	case wrapMinKey, wrapMaxKey:
		v, next := p.int(i)
		if next >= 0 && v != 1 {
			next = p.fail(i, errWrapper)
		}
		if i, t = next, 0xFF; w == wrapMaxKey {
			t = 0x7F
		}
	case wrapUndefined:
		if !hasPrefix(p.src, i, "true") {
			return dst, p.fail(i, errWrapper), 0
		}
		i, t = i+4, 0x06
	default:
		at := i
		var s []byte
		if w >= wrapInt32 && w <= wrapDecimal {
			s, i = p.digits(i)
		} else {
			s, i = p.quoted(i)
		}
		if i < 0 {
			return dst, failed, 0
		}
		var err error
		if dst, t, err = appendWrapped(dst, w, s); err != nil {
			return dst, p.fail(at, err), 0
		}
	}
	if i < 0 {
		return dst, failed, 0
	}
	return dst, p.closing(i), t
}

// appendWrapped appends the value that the text s of the wrapper w stands for, and returns its type.
func appendWrapped(dst []byte, w wrapperKind, s []byte) ([]byte, byte, error) {
	switch w {
	case wrapOID:
		var id [12]byte
		if len(s) != 24 || !appendUnhex(id[:0], s) {
			return dst, 0, errOID
		}
		return append(dst, id[:]...), 0x07, nil
	case wrapSymbol:
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)+1))
		return append(append(dst, s...), 0), 0x0E, nil
	case wrapInt32:
		v, ok := parseInteger(s)
		if !ok {
			return dst, 0, integerError(s)
		}
		if v != int64(int32(v)) {
			return dst, 0, errRange
		}
		return binary.LittleEndian.AppendUint32(dst, uint32(v)), 0x10, nil
	case wrapInt64:
		v, ok := parseInteger(s)
		if !ok {
			return dst, 0, integerError(s)
		}
		return binary.LittleEndian.AppendUint64(dst, uint64(v)), 0x12, nil
	case wrapDouble:
		b, err := doubleBits(s)
		return binary.LittleEndian.AppendUint64(dst, b), 0x01, err
	case wrapDecimal:
		high, low, ok := parseDecimal(s)
		if !ok {
			return dst, 0, errDecimal
		}
		dst = binary.LittleEndian.AppendUint64(dst, low)
		return binary.LittleEndian.AppendUint64(dst, high), 0x13, nil
	}
	dst, ok := appendUUID(dst, s) // wrapUUID
	if !ok {
		return dst, 0, errUUID
	}
	return dst, 0x05, nil
}

// doubleBits returns the double that the text of $numberDouble stands for.
func doubleBits(s []byte) (uint64, error) {
	switch string(s) {
	case "Infinity":
		return math.Float64bits(math.Inf(1)), nil
	case "-Infinity":
		return math.Float64bits(math.Inf(-1)), nil
	case "NaN":
		return nan, nil
	}
	f, ok := parseFloat(s)
	if !ok {
		return 0, floatError(s)
	}
	return math.Float64bits(f), nil
}

// timestamp parses the object of $timestamp.
func (p *parser) timestamp(dst []byte, i int) ([]byte, int, byte) {
	var part [2]int64 // i, t: in the order of BSON
	i = p.twoKeys(i, "i", "t", func(n, i int) int {
		v, next := p.int(i)
		if next >= 0 && (v < 0 || v > math.MaxUint32) {
			next = p.fail(i, errRange)
		}
		part[n] = v
		return next
	})
	if i < 0 {
		return dst, failed, 0
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(part[0]))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(part[1]))
	return dst, p.closing(i), 0x11
}

// regex parses the object of $regularExpression.
func (p *parser) regex(dst []byte, i int) ([]byte, int, byte) {
	var at [2]int // where the pattern and the options lie in the line
	i = p.twoKeys(i, "pattern", "options", func(n, i int) int {
		at[n] = i
		_, next := p.quoted(i)
		return next
	})
	if i < 0 {
		return dst, failed, 0
	}
	for n, from := range at {
		s, _ := p.quoted(from)
		if bytes.IndexByte(s, 0) >= 0 {
			return dst, p.fail(from, errNUL), 0
		}
		if n == 1 && !isSorted(s) { // BSON wants them so; what had them otherwise came in the escape form
			r := []rune(string(s))
			slices.Sort(r)
			s = []byte(string(r))
		}
		dst = append(append(dst, s...), 0)
	}
	return dst, p.closing(i), 0x0B
}

// dbPointer parses the object of $dbPointer.
func (p *parser) dbPointer(dst []byte, i int) ([]byte, int, byte) {
	var at [2]int
	i = p.twoKeys(i, "$ref", "$id", func(n, i int) int {
		at[n] = i
		if n == 1 && i < len(p.src) && p.src[i] == '{' {
			if i = p.space(i + 1); i >= len(p.src) || p.src[i] != '"' {
				return p.fail(i, errWrapper)
			}
			key, next := p.text(i + 1)
			if next < 0 {
				return failed
			}
			if wrapperOf(key) != wrapOID {
				return p.fail(i, errWrapper)
			}
			if at[n] = p.colon(next); at[n] < 0 {
				return failed
			}
			if _, next = p.quoted(at[n]); next < 0 {
				return failed
			}
			return p.closing(next)
		}
		_, next := p.quoted(i)
		return next
	})
	if i < 0 {
		return dst, failed, 0
	}
	ns, _ := p.quoted(at[0])
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(ns)+1))
	dst = append(append(dst, ns...), 0)
	id, _ := p.quoted(at[1])
	var err error
	if dst, _, err = appendWrapped(dst, wrapOID, id); err != nil {
		return dst, p.fail(at[1], err), 0
	}
	return dst, p.closing(i), 0x0C
}
