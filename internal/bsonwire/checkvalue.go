package bsonwire

import "unicode/utf8"

// checkValue checks the contents of the value of type t at Src[i:end], as Level says.
func (c *Checker) checkValue(t byte, i, end int) error {
	if c.Level >= Values {
		switch {
		case t == TypeBoolean && c.Src[i] > 1:
			return ErrBoolean
		case t == TypeBinary && !hasOneLength(c.Src[i:end]):
			return ErrSubtype
		}
	}
	if c.Level >= Text && !utf8.Valid(textOf(c.Src[i:end], t)) {
		return ErrUTF8
	}
	return nil
}

// hasOneLength reports whether a binary value of subtype 2 has a second length that agrees with the
// first. Values of other subtypes have one length.
func hasOneLength(v []byte) bool {
	if v[LengthSize] != SubtypeOld {
		return true
	}
	data := v[BinaryHeadSize:]
	return len(data) >= LengthSize && Length(data, 0) == len(data)-LengthSize
}

// textOf returns the text of a value, with its terminators, or nil if the type has no text.
func textOf(v []byte, t byte) []byte {
	switch t {
	case TypeString, TypeCode, TypeSymbol:
		return v[LengthSize:]
	case TypeRegex:
		return v
	case TypeDBPointer:
		return v[LengthSize : len(v)-ObjectIDSize]
	}
	return nil
}
