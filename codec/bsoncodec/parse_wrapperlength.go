package bsoncodec

import "bytes"

// wrapperDepth is the number of objects that a type wrapper has at most inside each other, in
// addition to a scope.
const wrapperDepth = 3

// fixedWrappers has the size of the value of a type wrapper plus one, in bytes, if all values have
// the same, and otherwise 0.
var fixedWrappers = [wrapUndefined + 1]int{
	wrapOID: 13, wrapInt32: 5, wrapInt64: 9, wrapDouble: 9, wrapDecimal: 17, wrapUUID: 5 + 17, wrapTimestamp: 9,
	wrapDate: 9, wrapMinKey: 1, wrapMaxKey: 1, wrapUndefined: 1,
}

// wrapperFrames has the bytes that another type wrapper has as an object, in addition to its texts
// and its scope: the keys, types and lengths of the object, without those of the value.
var wrapperFrames = [wrapUndefined + 1]int{
	wrapSymbol: 14, wrapCode: 12, wrapScope: 16, wrapRegex: 56, wrapDBPointer: 33, wrapBinary: 48, wrapEscape: 51,
}

// legacyBinaryFrame is the frame of {"$binary": "…", "$type": "00"}.
const legacyBinaryFrame = 33

// wrapper returns the type wrapper whose brace is src[i], if it is one, and the offset after its
// first key. It does not recognize a key with escapes.
func (m *documentMeter) wrapper(i int) (wrapperKind, int) {
	i = m.space(i + 1)
	if m.at(i) != '"' || m.at(i+1) != '$' {
		return noWrapper, i
	}
	end := base64End(m.src, i+1) // of a text without escapes
	return wrapperOf(m.src[i+1 : end]), end + 1
}

// wrapped measures the value of the wrapper w, in a container at this depth. The brace of the
// wrapper is src[i], and its first key ends before src[j].
func (m *documentMeter) wrapped(w wrapperKind, i, j, depth int) (n, next int) {
	size := fixedWrappers[w] - 1
	if size >= 0 && hasPrefix(m.src, j, `:"`) { // the usual form of a number
		if end := base64End(m.src, j+2); hasPrefix(m.src, end, `"}`) {
			return size, end + 2
		}
	}
	if n, next = m.object(i+1, depth+1, w); next < 0 {
		return 0, failed
	}
	if size >= 0 {
		return size, next
	}
	frame := wrapperFrames[w]
	if w == wrapBinary && m.at(m.space(m.space(j)+1)) == '"' {
		frame = legacyBinaryFrame
	}
	n = max(n-frame, 0)
	switch w {
	case wrapEscape:
		n = decodedLen(n, m.src[i:next])
	case wrapBinary:
		n = len("1234\x00") + decodedLen(n, m.src[i:next])
		if bytes.HasSuffix(m.src[i:next], []byte(`"02"}}`)) || bytes.HasSuffix(m.src[i:next], []byte(`"02"}`)) {
			n += len("1234") // the second length of the old subtype
		}
	}
	return n, next
}

// decodedLen returns the number of bytes in a base64 text of n bytes. wrapper is the object with the
// text. Nothing else in it has the padding character.
func decodedLen(n int, wrapper []byte) int {
	n = strictBase64.DecodedLen(n)
	if i := bytes.IndexByte(wrapper, '='); i >= 0 {
		padding := len(wrapper[i:]) - len(bytes.TrimLeft(wrapper[i:], "="))
		n -= min(padding, 2, n)
	}
	return n
}
