package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/millweir/millweir/internal/bsonwire"
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

// wrapperValue parses the rest of an object whose first key names the type wrapper w. src[open] is
// the byte after the brace, src[i] the byte after the key. It returns the offset after the object
// and the type of the value.
//
// It accepts any white space, order of keys and legacy form. fastWrapper parses the common forms.
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
	case wrapSymbol:
		dst, i = p.codeText(dst, i)
		t = bsonwire.TypeSymbol
	case wrapDate:
		dst, i = p.date(dst, i)
		t = bsonwire.TypeDate
	case wrapMinKey, wrapMaxKey:
		v, next := p.int(i)
		if next >= 0 && v != 1 {
			next = p.fail(i, errWrapper)
		}
		if i, t = next, bsonwire.TypeMinKey; w == wrapMaxKey {
			t = bsonwire.TypeMaxKey
		}
	case wrapUndefined:
		if !hasPrefix(p.src, i, "true") {
			return dst, p.fail(i, errWrapper), 0
		}
		i, t = i+4, bsonwire.TypeUndefined
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

// appendWrapped appends the value of the wrapper w with text s, and returns its type.
func appendWrapped(dst []byte, w wrapperKind, s []byte) ([]byte, byte, error) {
	switch w {
	case wrapOID:
		var id [12]byte
		if len(s) != 24 || !appendUnhex(id[:0], s) {
			return dst, 0, errOID
		}
		return append(dst, id[:]...), bsonwire.TypeObjectID, nil
	case wrapInt32:
		v, ok := parseInteger(s)
		if !ok {
			return dst, 0, integerError(s)
		}
		if v != int64(int32(v)) {
			return dst, 0, errRange
		}
		return binary.LittleEndian.AppendUint32(dst, uint32(v)), bsonwire.TypeInt32, nil
	case wrapInt64:
		v, ok := parseInteger(s)
		if !ok {
			return dst, 0, integerError(s)
		}
		return binary.LittleEndian.AppendUint64(dst, uint64(v)), bsonwire.TypeInt64, nil
	case wrapDouble:
		b, err := doubleBits(s)
		return binary.LittleEndian.AppendUint64(dst, b), bsonwire.TypeDouble, err
	case wrapDecimal:
		high, low, ok := parseDecimal(s)
		if !ok {
			return dst, 0, errDecimal
		}
		dst = binary.LittleEndian.AppendUint64(dst, low)
		return binary.LittleEndian.AppendUint64(dst, high), bsonwire.TypeDecimal, nil
	}
	dst, ok := appendUUID(dst, s) // wrapUUID
	if !ok {
		return dst, 0, errUUID
	}
	return dst, bsonwire.TypeBinary, nil
}

// doubleBits returns the bits of the double with the text of $numberDouble.
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
	var part [2]int64 // i and t, in the order of BSON
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
	return dst, p.closing(i), bsonwire.TypeTimestamp
}

// regex parses the object of $regularExpression.
func (p *parser) regex(dst []byte, i int) ([]byte, int, byte) {
	var at [2]int // where the pattern and the options begin in the line
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
		if n == 1 && !isSorted(s) { // BSON requires sorted options; unsorted ones use the escape form
			r := []rune(string(s))
			slices.Sort(r)
			s = []byte(string(r))
		}
		dst = append(append(dst, s...), 0)
	}
	return dst, p.closing(i), bsonwire.TypeRegex
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
	return dst, p.closing(i), bsonwire.TypeDBPointer
}
