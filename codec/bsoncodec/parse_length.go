package bsoncodec

import "math"

// documentMeter computes the length of the document that a parser makes of a line, without making
// it. It follows only what matters for lengths and finds no errors: the parser does. The result
// decides how much memory is allocated, so it may exceed the true length by some bytes for a rare
// form of a type wrapper.
type documentMeter struct {
	src      []byte
	maxDepth int
}

// The methods of documentMeter return a number of bytes of BSON, and the offset in src after the
// text. If the offset is negative, the text ends or makes no sense there.

// document measures the document of the whole line, whose brace is src[i].
func (m *documentMeter) document(i int) (n, next int) {
	if w, j := m.wrapper(i); w == wrapEscape {
		return m.wrapped(w, i, j, 1)
	}
	return m.object(i+1, 1, noWrapper)
}

// object measures an object as a document, after its brace. If it is a type wrapper, w says which.
func (m *documentMeter) object(i, depth int, w wrapperKind) (n, next int) {
	const ends = len("1234\x00") // length and terminator
	if depth > m.maxDepth {
		return 0, failed
	}
	for n = ends; ; {
		switch i = m.space(i); m.at(i) {
		case ',':
			i++
			continue
		case '}':
			return n, i + 1
		case '"':
		default:
			return n, failed
		}
		key := i + 1
		size, end := unescapedLen(m.src, key)
		n += len("t\x00") + size
		if i = m.space(end + 1); m.at(i) != ':' {
			return n, failed
		}
		i = m.space(i + 1)
		if (w == wrapCode || w == wrapScope) && m.at(i) == '{' && string(m.src[key:end]) == "$scope" {
			size, i = m.object(i+1, depth, noWrapper) // whatever its first key is
			if w == wrapCode {
				size -= wrapperFrames[wrapScope] - wrapperFrames[wrapCode]
			}
		} else {
			size, i = m.value(i, depth)
		}
		if n += size; i < 0 {
			return n, failed
		}
	}
}

// array measures an array, after its bracket.
func (m *documentMeter) array(i, depth int) (n, next int) {
	const ends = len("1234\x00")
	if depth > m.maxDepth {
		return 0, failed
	}
	n = ends
	for index := 0; ; {
		switch i = m.space(i); m.at(i) {
		case ',':
			i++
			continue
		case ']':
			return n, i + 1
		}
		n += len("t\x00") + indexLen(index)
		index++
		var size int
		size, i = m.value(i, depth)
		if n += size; i < 0 {
			return n, failed
		}
	}
}

// value measures the value at src[i], in a container at this depth.
func (m *documentMeter) value(i, depth int) (n, next int) {
	switch c := m.at(i); c {
	case '"':
		n, end := unescapedLen(m.src, i+1)
		return len("1234\x00") + n, end + 1
	case '{':
		if w, j := m.wrapper(i); w != noWrapper {
			return m.wrapped(w, i, j, depth)
		}
		return m.object(i+1, depth+1, noWrapper)
	case '[':
		return m.array(i+1, depth+1)
	case 't':
		return 1, i + len("true")
	case 'f':
		return 1, i + len("false")
	case 'n':
		return 0, i + len("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return m.number(i)
	}
	return 0, failed
}

// number measures the JSON number at src[i].
func (m *documentMeter) number(i int) (n, next int) {
	end, whole := i, true
	for ; ; end++ {
		c := m.at(end)
		if c == '.' || c|0x20 == 'e' {
			whole = false
		} else if c != '-' && c != '+' && c-'0' > 9 {
			break
		}
	}
	if v, ok := parseInteger(m.src[i:end]); whole && ok && v >= math.MinInt32 && v <= math.MaxInt32 {
		return 4, end
	}
	return 8, end
}

// at returns src[i], or 0 after the end.
func (m *documentMeter) at(i int) byte {
	if i < len(m.src) {
		return m.src[i]
	}
	return 0
}

// space returns the first offset from i on that is not white space.
func (m *documentMeter) space(i int) int {
	for c := m.at(i); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = m.at(i) {
		i++
	}
	return i
}

// indexLen returns the length of the key of the array element n.
func indexLen(n int) int {
	if n == 0 {
		return 1
	}
	return digits(uint64(n))
}
